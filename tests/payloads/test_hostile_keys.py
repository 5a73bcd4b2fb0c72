"""Maps whose keys collide in a dict. Some hundred kilobytes of them could take minutes."""

import struct
import time

import cbor2
import msgpack
import orjson
import pytest

from bridge.errors import DecodeError
from bridge.mapping.pipeline.record_builder import MAX_EACH_ITEMS
from bridge.payloads import DECODERS
from bridge.payloads.json_values import MAX_VALUES
from tests.mapping.builders import applied, mapping, message
from tests.payloads.sparkplug.host import Host
from tests.payloads.sparkplug.host import number as number_of
from tests.payloads.sparkplug.wire import DOUBLE, metric

MAX_CPU_SECS = 5.0
"""Far above what the decoders need on a slow machine, and far below what a quadratic one does."""


@pytest.fixture(autouse=True)
def bounded():
    began = time.thread_time()
    yield
    assert time.thread_time() - began < MAX_CPU_SECS


def msgpack_map(keys):
    return b"\xdf" + struct.pack(">I", len(keys)) + b"".join(key + b"\x01" for key in keys)


def test_msgpack_map_with_timestamps_as_keys_is_rejected():
    keys = [b"\xd6\xff" + struct.pack(">I", number) for number in range(50_000)]
    with pytest.raises(DecodeError, match="has a key that is neither text nor an integer"):
        DECODERS["msgpack"].decode(msgpack_map(keys))


def test_msgpack_map_with_many_large_integers_as_keys_is_read():
    keys = [b"\xcf" + struct.pack(">Q", (number << 45) + 7) for number in range(90_000)]
    assert len(DECODERS["msgpack"].decode(msgpack_map(keys))) == len(keys)


def test_msgpack_map_of_integer_keys_in_any_place_is_read():
    value = {"a": [{1: {2: "x"}}], "b": {3: None}}
    assert DECODERS["msgpack"].decode(msgpack.packb(value)) == {"a": [{"1": {"2": "x"}}], "b": {"3": None}}


@pytest.mark.parametrize("key", [1.5, None, True, b"k"])
def test_msgpack_map_with_another_key_is_rejected(key):
    with pytest.raises(DecodeError, match="has a key that is neither text nor an integer"):
        DECODERS["msgpack"].decode(msgpack.packb({key: 1}))


def test_cbor_map_with_many_integer_keys_is_rejected():
    with pytest.raises(DecodeError):
        DECODERS["cbor"].decode(cbor2.dumps({-key: 1 for key in range(1, 90_000)}))


def test_sparkplug_birth_with_many_large_aliases_is_read():
    host, aliases = Host(), [(number << 45) + 3 for number in range(1, 20_000)]
    host.tell(
        "g/NBIRTH/n", number_of(0), *(metric(f"m{alias}", 1.5, alias=alias, datatype=DOUBLE) for alias in aliases)
    )
    seen = host.tell("g/NDATA/n", metric(alias=aliases[-1], value=2.5))
    assert [(name, read["value"]) for name, read in seen["metrics"].items()] == [(f"m{aliases[-1]}", 2.5)]


@pytest.mark.parametrize("kind", ["json", "json_lines"])
@pytest.mark.parametrize(
    "payload",
    [b"[" + b"1," * MAX_VALUES + b"1]", b"[" + b"[]," * MAX_VALUES + b"1]", b"[" + b'{"a":1},' * MAX_VALUES + b"1]"],
    ids=["numbers", "lists", "objects"],
)
def test_json_of_too_many_values_is_rejected_before_they_take_memory(kind, payload):
    with pytest.raises(DecodeError, match="holds more than 1,048,576 values"):
        DECODERS[kind].decode(payload)


def test_json_with_separators_in_long_text_is_read():
    value = {"text": '",[{\\' * MAX_VALUES, "list": [1, 2]}
    assert DECODERS["json"].decode(orjson.dumps(value)) == value


def test_option_each_with_too_many_items_is_one_rejection():
    made = mapping(transform="payload", each=True)
    assert len(applied(made, message([1] * MAX_EACH_ITEMS)).drafts) == MAX_EACH_ITEMS
    mapped = applied(made, message([1] * (MAX_EACH_ITEMS + 1)))
    assert not mapped.drafts
    [rejection] = mapped.rejections
    assert rejection.code == "transform"
    assert rejection.detail == "`each` makes 20,001 items, more than 20,000"
