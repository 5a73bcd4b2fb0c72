"""Cost of one message in the mapping layer, by kind of mapping: `python -m tests.benchmarks.mapping`."""

import json
import sys
import time
from functools import partial

import orjson

from bridge.mapping.loading.mapping_loader import compile_text
from bridge.mapping.loading.resources import NO_RESOURCES, Resources
from bridge.mapping.router import Router
from bridge.model import Message
from bridge.payloads.compression import compress

TOPIC = "factory/pdx/line3/press07/telemetry"
PAYLOAD = orjson.dumps(
    {
        "ts": 1_700_000_000_000,
        "machine": "press07",
        "temperature": 20.5,
        "pressure": 101.3,
        "status": "RUN",
        "count": 5,
        "tags": {"site": "pdx", "line": "l3", "shift": "A"},
        "vib": [0.01, 0.02, 0.03],
        "order": "A-1234567",
    }
)
SEVEN_FIELDS = (
    "{machine: payload.machine, temp_c: payload.temperature, site: captures.site, line: payload.tags.line, "
    "count: payload.count, status: payload.status, ts: payload.ts}"
)
KEYED = {"data_stream": "s", "partition_key_from": "captures.machine"}
MAPPINGS = {
    "seven fields, one output by key": {"transform": SEVEN_FIELDS, "outputs": [KEYED]},
    "the same with where": {"where": "payload.status != 'OFF'", "transform": SEVEN_FIELDS, "outputs": [KEYED]},
    "the same, filtered": {"where": "payload.status == 'OFF'", "transform": SEVEN_FIELDS, "outputs": [KEYED]},
    "seven fields, three outputs": {
        "transform": SEVEN_FIELDS,
        "outputs": [KEYED, {"data_stream": "b"}, {"data_stream": "c"}],
    },
    "with received_at": {"transform": "{v: payload.count, at: received_at}", "outputs": [KEYED]},
    "json unchanged": {"outputs": [{"data_stream": "s"}]},
    "bytes unchanged": {"payload": "bytes", "outputs": [{"data_stream": "s"}]},
    "bytes by a layout": {
        "payload": "bytes",
        "transform": "unpack(payload, 'little a:u32 b:u32 c:u32 d:u16 ...')",
        "outputs": [KEYED],
    },
    "early where, filtered": {"where": "captures.machine == 'x' && payload.count > 3", "outputs": [KEYED]},
    "each of three": {"transform": "payload.vib", "each": True, "outputs": [{"data_stream": "s"}]},
}

FIELDS = {
    "machine": "press07",
    "ts": 1_700_000_000_000,
    "temperature": 20.5,
    "pressure": 101.3,
    "count": 5,
    "status": "RUN",
}
AVRO = {"string": str, "long": int, "double": float}
SCHEMAS = {
    "r.avsc": json.dumps(
        {
            "type": "record",
            "name": "Reading",
            "fields": [
                {"name": name, "type": next(kind for kind, type_ in AVRO.items() if isinstance(value, type_))}
                for name, value in FIELDS.items()
            ],
        }
    ).encode(),
    "r.proto": b"""syntax = "proto3"; message Reading { string machine = 1; int64 ts = 2; double temperature = 3;
        double pressure = 4; int64 count = 5; string status = 6; }""",
}
LINE = (
    b'press,machine=press07 ts=1700000000000i,temperature=20.5,pressure=101.3,count=5i,status="RUN" 1700000000000000000'
)
XML = "<r>" + "".join(f"<{name}>{value}</{name}>" for name, value in FIELDS.items()) + "</r>"
FORMATS = {
    "json": ({"payload": "json"}, orjson.dumps(FIELDS)),
    "json_lines, one line": ({"payload": "json_lines"}, orjson.dumps(FIELDS)),
    "line_protocol, one line": ({"payload": "line_protocol"}, LINE),
    "xml": ({"payload": "xml"}, XML.encode()),
    "avro": ({"payload": "avro", "avro": {"schema": "r.avsc"}}, None),
    "protobuf": ({"payload": "protobuf", "protobuf": {"schema": "r.proto", "message": "Reading"}}, None),
    "json in latin-1": ({"payload": "json", "encoding": "latin-1"}, orjson.dumps(FIELDS)),
    "json, deflated": ({"payload": "json", "compression": "deflate"}, compress("deflate", orjson.dumps(FIELDS))),
}
"""Options and payload of each format, for the same six fields. None: encode the fields as the tests of a mapping do."""


def micros(work, *, rounds=7, count=20_000):
    """Return the minimum CPU time of a call in µs. Other rounds may have been disturbed by other programs."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(count):
            work()
        best = min(best, time.process_time() - started)
    return best / count * 1e6


def costs():
    """Yield (name, µs) for each kind of mapping, and for other parts of the work, such as parsing JSON."""
    message = Message(TOPIC, PAYLOAD, 1, False, 1_700_000_000_000)
    for name, options in MAPPINGS.items():
        text = json.dumps({"topic": "factory/{site}/{line}/{machine}/telemetry"} | options)
        mapping = compile_text(text, "m", NO_RESOURCES, shown_as="m")
        call = partial(mapping.apply, message, mapping.pattern.match(TOPIC), TOPIC.split("/"))
        assert not call().rejections, name
        yield name, micros(call)
    yield from format_costs()
    routes = Router([mapping])
    yield "of it: orjson.loads", micros(partial(orjson.loads, PAYLOAD))
    yield "of it: orjson.dumps, of the whole payload", micros(partial(orjson.dumps, orjson.loads(PAYLOAD)))
    yield "a topic to its mappings, seen before", micros(partial(routes.match, TOPIC.encode()))
    yield "a topic to its mappings, new", micros(partial(routes._look_up, TOPIC.encode()))


def format_costs():
    """Yield (name, µs) for a message of six fields in each payload format."""
    for name, (options, payload) in FORMATS.items():
        text = json.dumps({"topic": "#", "transform": "payload", "outputs": [{"data_stream": "s"}]} | options)
        mapping = compile_text(text, "m", Resources(schemas=SCHEMAS), shown_as="m")
        sent = payload if payload is not None else mapping.parts.codec.encode(FIELDS)
        call = partial(mapping.apply, Message(TOPIC, sent, 1, False, 1_700_000_000_000), {}, TOPIC.split("/"))
        assert not call().rejections, name
        yield f"six fields: {name}, {len(sent)} bytes", micros(call)


def main():
    sys.stdout.write(f"payload of {len(PAYLOAD)} bytes; µs of CPU a message\n")
    for name, cost in costs():
        sys.stdout.write(f"{cost:8.2f}  {name}\n")


if __name__ == "__main__":
    main()
