"""A faulty edge node. Its messages are decoded or rejected, and the state of other nodes stays unchanged."""

import gzip

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import DecodeError
from bridge.payloads.sparkplug.compressed_payload import COMPRESSED
from bridge.payloads.sparkplug.session import SparkplugSession
from bridge.spool.mapping_state import MappingState
from tests.fuzz.mutation import nearly
from tests.payloads.sparkplug.wire import message, metric, part, payload

BIRTH = payload(metric("a", 1.5, datatype=10, alias=1), metric("b", True, datatype=11, alias=2), seq=0)
DATA = payload(metric(None, 2.5, alias=1), seq=1)
COMPRESSED_BIRTH = part(4, COMPRESSED) + part(5, gzip.compress(BIRTH))
KINDS = st.sampled_from(["g/NBIRTH/n", "g/NDATA/n", "g/DBIRTH/n/d", "g/DDATA/n/d", "g/NDEATH/n", "g/DDEATH/n/d"])


@given(st.lists(st.tuples(KINDS, nearly(BIRTH, DATA, COMPRESSED_BIRTH)), max_size=8))
def test_damaged_sparkplug_is_read_or_rejected_per_node(sent):
    session, memory = SparkplugSession(), MappingState("m", {})
    session.decode(message("g/NBIRTH/well", BIRTH), memory)
    for topic, data in sent:
        try:
            seen, _ = session.decode(message(topic, data), memory)
        except DecodeError as error:
            assert error.detail  # noqa: PT017 - either is right
        else:
            orjson.dumps(seen)
    seen, commands = session.decode(message("g/NDATA/well", DATA), memory)
    assert seen["metrics"]["a"]["value"] == 2.5
    assert commands == ()
