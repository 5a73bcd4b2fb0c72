"""Parts of docs/reference/json-formats.md: fields and formats, generated from the code that writes them."""

import inspect
import textwrap

from bridge.ingest import manifest_writer
from bridge.spool.dead_letters import DeadLetter
from bridge.tools.capture import file_format
from bridge.tools.doctor.finding import CHECKS, Finding

FINDING_FIELDS = {
    "check": "code of the check, from the table below; codes stay the same between versions",
    "subject": "what was tested: a host, a topic filter, a stream, a folder",
    "state": "`well`, `warning` or `failed`",
    "status": "`ok`, `warning` or `error`",
    "said": "the result",
    "message": "the result",
    "advice": "what to do; empty if nothing",
    "details": "further lines of text, as a list",
    "facts": "the result in numbers; the names depend on the check",
}
CHECK_MEANINGS = {
    "firewall": "hosts and ports that this configuration needs",
    "broker.address": "name and port of the broker",
    "broker.session": "TLS, log-in, protocol version",
    "broker.limits": "limits that the broker announces",
    "broker.subscription": "each topic filter: granted or refused",
    "broker.window": "unacknowledged messages that the broker sends at once",
    "broker.queue": "messages that the broker queues for an absent client",
    "broker.dropped": "messages that the broker has dropped",
    "broker.retained": "retained messages of the mappings' topics",
    "broker.messages": "messages that arrived during the test",
    "aws.endpoint": "each host of AWS: name, port, TLS",
    "aws.clock": "difference between this machine's clock and AWS's",
    "aws.credentials": "whose credentials they are, and when they expire",
    "aws.stream": "each stream: state, shards, record size, encryption",
    "aws.placement": "record distribution strategy of a stream",
    "aws.shards": "whether ListShards is permitted, if the bridge needs it",
    "aws.send": "with `--send`: one marked record to each stream",
    "aws.uplink": "bandwidth to each region, and the time to deliver the backlog",
    "disk.sync": "duration of an `fsync` in the spool's folder",
    "spool.room": "hours of an outage that the free space covers",
    "doctor": "a check crashed or hung",
}
LETTER_FIELDS = {
    "kind": "`message` (not mapped) or `record` (not accepted by Kinesis)",
    "mapping": "name of the mapping; empty if none matched",
    "streams": "list of the queues that received no record",
    "item": "with `each`: index of the item that was rejected; else null",
    "code": "one of the codes of dead letters",
    "detail": "the reason",
    "topic": "topic of the message",
    "total_bytes": "size of the payload as received; the stored payload may be only its beginning",
    "qos": "QoS of the message",
    "retain": "whether the message was retained",
    "received_at_ms": "time of receipt, in milliseconds since 1970",
    "properties": "MQTT 5 properties",
    "key": "partition key of a record; else null",
}


def table(fields: dict[str, str], names: list[str]) -> str:
    rows = ["| field | |", "| --- | --- |"]
    return "\n".join(rows + [f"| `{name}` | {fields[name]} |" for name in names])


def finding_fields() -> str:
    return table(FINDING_FIELDS, list(Finding(CHECKS[0], "", *("",) * 2).value()))


def checks() -> str:
    return table(CHECK_MEANINGS, list(CHECKS)).replace("| field |", "| check |", 1)


def letter_fields() -> str:
    own = [name for name in DeadLetter._fields if name != "payload"]
    before, after = "| `number` | its number in the spool |", "| `payload_text` or `payload_base64` | the payload |"
    head, rule, *rows = table(LETTER_FIELDS, own).splitlines()
    return "\n".join([head, rule, before, *rows, after])


def block_of(module) -> str:
    """Return the indented example and the descriptions in the docstring of a module, as a code block."""
    text = inspect.cleandoc(module.__doc__ or "")
    start = text.index("\n    ") + 1
    lines = [line.removeprefix("    ") for line in text[start:].strip("\n").splitlines()]
    return "\n".join(["```text", *lines, "```"])


def example_of(module) -> str:
    """Return only the indented example in the docstring of a module, as a code block."""
    lines = inspect.cleandoc(module.__doc__ or "").splitlines()
    example = textwrap.dedent("\n".join(line for line in lines if line.startswith("    ")))
    return f"```text\n{example}\n```"


def capture_format() -> str:
    return block_of(file_format)


def manifest_format() -> str:
    return example_of(manifest_writer)
