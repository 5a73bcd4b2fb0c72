"""Tables for operators: the alert rules, the error codes of AWS, the limits."""

import inspect
import textwrap

import yaml

from bridge import errors, files, model
from bridge.aws import bounded_session, error_codes
from bridge.aws.transport import request, session
from bridge.delivery import adaptive_concurrency, shard_deferral
from bridge.ingest import burst_mapper, poison_guard, topic_coverage, transaction_budget
from bridge.kinesis import limits, responses
from bridge.mapping import router
from bridge.mapping.expressions import evaluation, expression, projection, static_checks
from bridge.mapping.expressions.functions import function, regex, text
from bridge.mapping.file_models import mapping_spec, stateful_spec
from bridge.mapping.loading import lookup_tables, schema_files
from bridge.mapping.pipeline import record_builder
from bridge.mapping.stateful import change_filter
from bridge.monitoring.recording import curve_file, event_log, time_series
from bridge.monitoring.recording.curves import RESOLUTIONS
from bridge.monitoring.recording.time_series import TimeSeries
from bridge.mqtt import connection, packet_stream, properties
from bridge.mqtt.settings import MqttSettings
from bridge.payloads import compression, json_values, number, xml
from bridge.payloads.sparkplug import compressed_payload as sparkplug_compression
from bridge.payloads.sparkplug import datatypes, wire_format
from bridge.runtime import hang_watchdog
from bridge.spool import mapping_state
from bridge.spool import settings as spool_settings
from bridge.spool.dead_letters import PAYLOAD_SHARE
from bridge.supervisor import workers
from bridge.web import connections, events, job_requests, playground, playground_worker, requests
from bridge.web.access import sessions, wrong_tokens
from bridge.web.editing import mapping_editor, version_store
from bridge.web.endpoints import dead_letters
from bridge.web.jobs import memory_limit
from bridge.yaml_files import node_builder
from tests.docs.pages import ROOT
from tests.docs.tables import cell

MEANINGS = {
    error_codes.ErrorAction.UNAVAILABLE: "retried without limit",
    error_codes.ErrorAction.REFUSED: "a person must act; retried slowly",
    error_codes.ErrorAction.INVALID: (
        "the request is halved until the invalid record is alone; this record becomes a dead letter"
    ),
}


def alerts_table() -> str:
    rows = ["| alert | severity | after | fires when |", "| --- | --- | --- | --- |"]
    rules = yaml.safe_load((ROOT / "docker" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        expression = cell(" ".join(rule["expr"].split()))
        severity = rule["labels"]["severity"]
        rows.append(f"| `{rule['alert']}` | {severity} | {rule.get('for', 'at once')} | `{expression}` |")
    return "\n".join(rows)


def error_tree() -> str:
    """Return the tree in the docstring of bridge/errors.py, as a code block."""
    lines = inspect.cleandoc(errors.__doc__ or "").splitlines()
    drawn = textwrap.dedent("\n".join(line for line in lines if line.startswith("    ")))
    return f"```text\n{drawn}\n```"


def error_codes_table() -> str:
    rows = ["| code | the bridge's reaction | hint |", "| --- | --- | --- |"]
    for code, rule in sorted(error_codes.ERROR_RULES.items()):
        reaction = MEANINGS[rule.action] + ("; counts as throttled" if rule.throttled else "")
        rows.append(f"| `{code}` | {reaction} | {cell(rule.hint)} |")
    return "\n".join(rows)


def limits_table() -> str:
    rows = ["| what | limit | beyond it |", "| --- | ---: | --- |"]
    for name, limit, beyond in (*message_limits(), *mapping_limits(), *kinesis_limits(), *process_limits()):
        rows.append(f"| {name} | {limit if isinstance(limit, str) else f'{limit:,}'} | {beyond} |")
    return "\n".join(rows)


def message_limits():
    yield "**Messages**", "", ""
    beyond = "dead letter with only the beginning of the message; set by `mqtt.max_message_bytes`, at most 256 MiB"
    yield "MQTT message", size(MqttSettings.model_fields["max_message_bytes"].default), beyond
    yield "MQTT topic, bytes", 65_535, "not possible: this is a limit of MQTT"
    yield "packet other than a message", size(packet_stream.MAX_CONTROL_BYTES), "the connection is closed"
    beyond = "the bridge reads no more before the commit; the messages of the last reads can exceed the limit"
    yield "messages of one transaction", connection.MAX_BURST_MESSAGES, beyond
    beyond = (
        "further messages are in the next transaction; records of simple mappings, one for each message, do not count"
    )
    yield "records of one transaction", burst_mapper.MAX_TRANSACTION_RECORDS, beyond
    beyond = (
        "further messages are in the next transaction; the limit is "
        f"1/{transaction_budget.TRANSACTION_SHARE} of `spool.max_bytes`, if that is less"
    )
    yield "bytes of one transaction", size(transaction_budget.MAX_TRANSACTION_BYTES), beyond
    share = f"1/{transaction_budget.MESSAGE_SHARE} of `spool.max_bytes`"
    beyond = (
        "one dead letter `too_large` for each mapping whose results do not fit; up to 3/8 fit in an empty transaction"
    )
    yield "records and dead letters that the mappings create for one message, bytes", share, beyond
    share = f"1/{spool_settings.DEAD_LETTER_SHARE * PAYLOAD_SHARE} of `spool.max_bytes`"
    or_less = f"the limit is at most 1/{PAYLOAD_SHARE} of `spool.max_dead_letter_bytes`"
    beyond = f"one dead letter `too_large` for the message; {or_less}"
    yield "dead letters for the items of one message, bytes", share, beyond
    yield "payload of a dead letter, bytes", share, f"only its beginning is stored; {or_less}"
    yield (
        "dead letters",
        size(spool_settings.SpoolSettings.model_fields["max_dead_letter_bytes"].default),
        (
            "the oldest ones are evicted and counted; set by `spool.max_dead_letter_bytes`, at most "
            f"1/{spool_settings.DEAD_LETTER_SHARE} of `spool.max_bytes`"
        ),
    )
    beyond = "the message is mapped with properties `{unreadable: …}`"
    yield "properties of a message", properties.MAX_PROPERTIES, beyond
    yield "properties of a message, bytes", size(properties.MAX_PROPERTY_BYTES), beyond
    yield (
        "mapping of one burst",
        f"{hang_watchdog.MAX_BURST_SECS:.0f} s",
        "the process ends, and its supervisor restarts it",
    )
    beyond = "dead letter `poison`"
    yield "processes that end while they map the same message", poison_guard.MAX_DEATHS, beyond
    yield from payload_limits()


def payload_limits():
    yield "levels of a JSON payload", 1024, "dead letter `decode`"
    yield "levels of a MessagePack or CBOR payload", json_values.MAX_DEPTH, "dead letter `decode`"
    yield "values of a MessagePack or CBOR payload", json_values.MAX_VALUES, "dead letter `decode`"
    yield "values of a JSON payload: its commas, lists and objects", json_values.MAX_VALUES, "dead letter `decode`"
    yield "values of a CSV payload: its fields and lines", json_values.MAX_VALUES, "dead letter `decode`"
    yield "lines and documents of a payload of JSON lines", json_values.MAX_VALUES, "dead letter `decode`"
    yield "values of a payload of line protocol", json_values.MAX_VALUES, "dead letter `decode`"
    yield "levels of an XML payload", json_values.MAX_DEPTH, "dead letter `decode`"
    yield "elements and attributes of an XML payload", xml.MAX_PARTS, "dead letter `decode`"
    beyond = f"dead letter `decode`; up to {size(2 * xml.MAX_TAG_BYTES)} may be read, depending on the position"
    yield "a tag or comment of an XML payload", size(xml.MAX_TAG_BYTES), beyond
    yield "values of an Avro payload", json_values.MAX_VALUES, "dead letter `decode`"
    yield "levels of an Avro record that contains itself", json_values.MAX_DEPTH, "dead letter `decode`"
    yield "values of a Protocol Buffers message", json_values.MAX_VALUES, "dead letter `decode`"
    yield "levels of a Protocol Buffers message", 100, "dead letter `decode`; this is a limit of the package protobuf"
    yield "characters of a payload of `number`", number._MAX_CHARS, "dead letter `decode`"
    yield "levels of a Sparkplug payload", wire_format.MAX_DEPTH, "dead letter `decode`"
    yield "metrics and other parts of a Sparkplug payload", wire_format.MAX_PARTS, "dead letter `decode`"
    yield "booleans of a Sparkplug array", datatypes.MAX_BOOLEANS, "dead letter `decode`"
    yield "decompressed body of a Sparkplug payload", size(sparkplug_compression.MAX_BYTES), "dead letter `decode`"
    yield (
        "decompressed payload",
        size(compression.DEFAULT_LIMIT),
        (f"dead letter `decode`; set by `max_decompressed_bytes`, at most {size(mapping_spec.MAX_DECOMPRESSED_BYTES)}"),
    )
    yield "members or frames of a compressed payload", compression._MAX_PARTS, "dead letter `decode`"
    window = size(compression._WINDOW_BYTES)
    beyond = f"dead letter `decode`; the limit is `max_decompressed_bytes` if that is more than {window}"
    yield "window of a zstd payload", window, beyond


def mapping_limits():
    yield "**Mapping files**", "", ""
    yield "a YAML file", size(files.MAX_DOCUMENT_BYTES), "the file does not load"
    yield "levels of a YAML file", node_builder.MAX_DEPTH, "the file does not load"
    yield "values that the aliases of a YAML file stand for", node_builder.MAX_ALIASED_VALUES, "the file does not load"
    yield "schema files", schema_files.MAX_FILES, "further files are not read"
    yield "a schema file", size(schema_files.MAX_SCHEMA_BYTES), "the file is not read, and the bridge reports it"
    yield "a lookup table, CSV", size(lookup_tables.MAX_CSV_BYTES), "the table does not load"
    yield "values of a lookup table, CSV", json_values.MAX_VALUES, "the table does not load"
    yield "names in `vars`", mapping_spec.MAX_VARS, "the file does not load"
    yield "characters of an expression", expression.MAX_EXPRESSION_CHARS, "the file does not load"
    yield "levels of an expression", static_checks.MAX_DEPTH, "the file does not load"
    yield (
        "size of an expression's result, as a multiple of its input",
        static_checks.MAX_SIZE_FACTOR,
        "the file does not load",
    )
    yield "values that an expression repeats or creates", evaluation.MAX_STEPS, "dead letter `transform`"
    patterns = evaluation.MAX_STEPS // regex.PATTERN_STEPS
    yield (
        "different regular expressions in one message",
        patterns,
        "dead letter `transform`; recently used regular expressions do not count",
    )
    yield "levels of a transform's result", 254, "dead letter `transform`"
    yield "integers of a transform's result", "-2⁶³ to 2⁶⁴-1", "dead letter `transform`"
    yield "items of `each`", record_builder.MAX_EACH_ITEMS, "dead letter `transform`"
    beyond = (
        f"dead letter `too_large`; the limit is {record_builder.MAX_AMPLIFICATION} times the payload, if that is more"
    )
    yield "all records of `each` for one message, bytes", size(record_builder.MAX_RECORDS_BYTES), beyond
    yield "characters of the reason of a dead letter", record_builder.MAX_DETAIL_CHARS, "the reason is cut"
    yield "elements that a projection produces", projection.MAX_ELEMENTS, "dead letter `transform`"
    yield "characters of all texts that a projection produces", projection.MAX_CHARACTERS, "dead letter `transform`"
    what = "characters of a text that `format`, `join` or `replace` makes longer"
    yield what, function.MAX_TEXT_CHARS, "dead letter `transform`"
    yield "parts of `split`", text.MAX_PARTS, "dead letter `transform`"
    beyond = "the file does not load; dead letter `transform` if the regular expression comes from a message"
    yield "characters of a regular expression", regex.MAX_PATTERN_CHARS, beyond
    yield (
        "keys that `changes` stores",
        change_filter.MAX_KEYS,
        "the oldest key is removed; the next message of this key passes",
    )
    yield (
        "state of all mappings of a spool, memory",
        size(mapping_state.MAX_STATE_BYTES),
        (
            f"the limit is at most 1/{mapping_state.SPOOL_SHARE} of `spool.max_bytes`; the keys that were written "
            "longest ago are evicted and counted (`mapping_state_evicted`), and records of `sample` are sent early"
        ),
    )
    what = "`at_least_every_secs` of `changes`, `every_secs` of `sample`"
    yield what, f"{stateful_spec.MAX_EVERY_SECS:,} s", "the file does not load"
    yield "estimated memory of the cache of topics", size(router.MAX_CACHED_BYTES), "the cache does not store the topic"
    yield "stored topics that no mapping matches", topic_coverage.MAX_TOPICS, "further topics are only counted"


def kinesis_limits():
    yield "**Kinesis**", "", ""
    yield "streams and queues", "those of the mapping files", "messages cannot add streams or queues"
    yield "partition key, characters", model.MAX_PARTITION_KEY_CHARS, "dead letter `partition_key`"
    yield (
        "record",
        size(model.MAX_RECORD_BYTES),
        ("dead letter `too_large`; 1 MiB unless the stream permits more (DescribeStreamSummary)"),
    )
    yield "records of a request", limits.MAX_REQUEST_RECORDS, "further records are in the next request"
    yield "a request", size(limits.MAX_REQUEST_BYTES), "further records are in the next request"
    yield "a response", size(request.MAX_RESPONSE_BYTES), "the request is repeated"
    yield "a response of GetRecords", size(session.MAX_GET_RECORDS_BYTES), "the request is repeated"
    yield "a response with credentials", size(bounded_session.MAX_RESPONSE_BYTES), "the request is repeated"
    yield (
        "duration of a response with credentials",
        f"{bounded_session.MAX_RESPONSE_SECS:.0f} s",
        "the request is repeated",
    )
    yield "pages of ListShards", responses.MAX_PAGES, "the request is repeated"
    beyond = "further requests wait; one request can exceed the limit"
    yield "bytes in flight to an endpoint", size(adaptive_concurrency.MAX_WINDOW_BYTES), beyond
    yield (
        "full shards of a stream that wait on disk",
        shard_deferral.MAX_DEFERRED_SHARDS,
        "a further full shard slows down its stream",
    )


def process_limits():
    yield "**Processes and the page**", "", ""
    yield "workers", workers.MAX_WORKERS, "exit code 2"
    yield (
        "connections of the page",
        connections.MAX_CONNECTIONS,
        "the connection that is idle longest ends; the limit is at most a quarter of the process's file descriptors",
    )
    yield "wait of the page for the head of a request", f"{connections.HEAD_SECS:.0f} s", "the connection ends"
    yield "wait of the page for the body of a request", f"{connections.BODY_SECS:.0f} s", "the connection ends"
    yield "delayed responses to wrong tokens from one address", wrong_tokens.MAX_DELAYED, "response with status 429"
    yield from editor_limits()
    yield "event streams of the page", events.MAX_LISTENERS, "response with status 503"
    yield "files of the event log", f"2 of {size(event_log.MAX_FILE_BYTES)}", "the oldest events are removed"
    yield "events in memory while the disk accepts no writes", event_log.MAX_WAITING, "the oldest events are removed"
    yield (
        "file of the curves",
        f"{curve_file.file_bytes([TimeSeries(*each) for each in RESOLUTIONS.values()]):,} bytes",
        "older points are replaced",
    )
    yield (
        "curves of the page's last hour, including those of mappings and streams",
        time_series.MAX_SERIES,
        "further curves are not drawn",
    )
    yield "sessions of the page", sessions.MAX_SESSIONS, "the oldest session ends; each session ends after 12 hours"
    yield "body of a request to the page", size(requests.MAX_BODY_BYTES), "response with status 413"
    yield (
        "dead letters of one replay by the page",
        dead_letters.MAX_NUMBERS,
        "response with status 400; the command has no such limit",
    )


def editor_limits():
    yield "trials and checks that run or wait", playground.MAX_REQUESTS, "response with status 409"
    yield (
        "a trial, a check or a preview",
        f"{playground.PATIENCE_SECS:.0f} s",
        "response with status 409; nothing is saved",
    )
    yield (
        "loading of tables and schemas for a trial, a check or a preview",
        f"{playground.LOAD_SECS:.0f} s",
        "response with status 409",
    )
    yield (
        "memory of a trial, a check or a preview",
        size(memory_limit.JOB_BYTES),
        "response with status 409, or a trial with the error `MemoryError`; nothing is saved",
    )
    yield (
        "memory of the playground, including all tables and schemas",
        size(playground_worker.MEMORY_BYTES),
        "response with status 409",
    )
    yield "characters of a payload in the playground", job_requests.MAX_PAYLOAD_CHARS, "response with status 409"
    yield "messages of a preview", job_requests.MAX_MESSAGES, "response with status 409"
    yield (
        "characters of a mapping on the page",
        job_requests.MAX_MAPPING_CHARS,
        "saving: response with status 413; a trial: 409; a comparison: 400; edit the file in its folder",
    )
    yield "mapping files in a folder where the page creates one", mapping_editor.MAX_FILES, "response with status 409"
    oldest = "the oldest versions are deleted"
    yield "versions of a mapping in its history", version_store.MAX_VERSIONS, oldest
    yield "versions of all mappings in their history", version_store.MAX_ALL_VERSIONS, oldest
    yield "the history of all mappings", size(version_store.MAX_BYTES), oldest


def size(count: int) -> str:
    return f"{count // 1024**2:,} MiB" if count % 1024**2 == 0 else f"{count / 1024:g} KiB"
