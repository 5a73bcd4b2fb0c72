import io
import json

from bridge.kinesis.dry_run_publisher import DryRunPublisher
from bridge.kinesis.put_records_codec import RecordAccepted
from bridge.model import MAX_RECORD_BYTES, Record


def test_publisher_prints_one_line_per_record():
    out = io.StringIO()
    results = DryRunPublisher(out).put_records("telemetry", [Record(1, 1, "a", b'{"n":1}'), Record(2, 1, "b", b"x\ny")])
    assert out.getvalue() == 'telemetry\ta\t{"n":1}\ntelemetry\tb\tx\\ny\n'
    assert all(isinstance(result, RecordAccepted) for result in results)
    assert len({result.sequence_number for result in results}) == 2


def test_printed_record_has_no_control_character_of_a_device():
    out = io.StringIO()
    data = b'{"n":"\x7f\xc2\x9b"}'
    DryRunPublisher(out).put_records("s", [Record(1, 1, "a\nb\t\x1b[2J", data)])
    _, key, text = out.getvalue().removesuffix("\n").split("\t")
    assert key == r"a\nb\u0009\u001b[2J"
    assert text.isprintable()
    assert json.loads(text) == json.loads(data)


def test_bytes_that_are_no_text_are_shown_as_bytes():
    out = io.StringIO()
    DryRunPublisher(out).put_records("s", [Record(1, 1, "k", b"\xff\x00")])
    assert out.getvalue() == "s\tk\tb'\\xff\\x00'\n"


def test_dry_run_stream_accepts_the_largest_record():
    assert DryRunPublisher(io.StringIO()).describe("any").max_record_bytes == MAX_RECORD_BYTES
