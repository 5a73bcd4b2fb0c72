import stat
from pathlib import Path

import pytest

from bridge.errors import BridgeError
from bridge.mqtt.packet_stream import PUBREL
from bridge.tools.capture.file_format import read_capture
from bridge.tools.capture.recorder import CaptureLimits, TrafficRecorder

NOW_MS = 1_700_000_000_000
MANY = CaptureLimits(1_000, 1_000_000)


def publish(payload, *, qos=0, packet=b"", topic=b"a/b", retain=0, properties=b"", total=None):
    return (0x30 | qos << 1 | retain, topic, packet, properties, payload, len(payload) if total is None else total)


def recorder(tmp_path, bounds=MANY):
    return TrafficRecorder(tmp_path / "c.jsonl", bounds, now_ms=lambda: NOW_MS)


def payloads(tmp_path):
    return [each.message.payload for each in read_capture(tmp_path / "c.jsonl")]


def test_burst_is_written_and_acknowledged_by_its_qos(tmp_path):
    with recorder(tmp_path) as made:
        burst = [publish(b"0"), publish(b"1", qos=1, packet=b"\0\1"), publish(b"2", qos=2, packet=b"\0\2")]
        assert made.record(burst) == b"\x40\x02\0\1" + b"\x50\x02\0\2"
        assert made.record([(PUBREL, b"", b"\0\2", b"", b"", 0)]) == b"\x70\x02\0\2"
    assert payloads(tmp_path) == [b"0", b"1", b"2"]


def test_recorder_stores_everything_that_an_expression_sees(tmp_path):
    with recorder(tmp_path) as made:
        made.record([publish(b"x", qos=1, packet=b"\0\1", retain=1, properties=b"\x03\0\1t", topic="é".encode())])
    (found,) = read_capture(tmp_path / "c.jsonl")
    assert found.message == ("é", b"x", 1, True, NOW_MS, {"content_type": "t"})


def test_qos_2_is_recorded_once_until_it_is_released(tmp_path):
    with recorder(tmp_path) as made:
        made.record([publish(b"1", qos=2, packet=b"\0\1"), publish(b"1", qos=2, packet=b"\0\1")])
        made.record([(PUBREL, b"", b"\0\1", b"", b"", 0), publish(b"2", qos=2, packet=b"\0\1")])
        made.session_began()
        made.record([publish(b"3", qos=2, packet=b"\0\1")])
    assert payloads(tmp_path) == [b"1", b"2", b"3"]


def test_recorder_stops_at_its_max_messages_and_acknowledges_the_rest(tmp_path):
    with recorder(tmp_path, CaptureLimits(2, 1_000_000)) as made:
        acknowledged = made.record([publish(b"%d" % n, qos=1, packet=bytes([0, n])) for n in range(1, 5)])
        assert (made.full, made.messages, len(acknowledged)) == ("messages", 2, 16)
    assert payloads(tmp_path) == [b"1", b"2"]


def test_file_of_a_recorder_never_exceeds_its_bound(tmp_path):
    with recorder(tmp_path, CaptureLimits(1_000, 1_000)) as made:
        made.record([publish(b"x" * 100) for _ in range(20)] + [publish(b"")])
        assert made.full == "bytes"
        assert made.bytes == (tmp_path / "c.jsonl").stat().st_size <= 1_000
        assert made.messages == len(payloads(tmp_path)) > 1


def test_topic_that_is_no_text_is_counted_and_left_out(tmp_path):
    with recorder(tmp_path) as made:
        assert made.record([publish(b"1", qos=1, packet=b"\0\1", topic=b"\xff")]) == b"\x40\x02\0\1"
        assert (made.messages, made.unreadable) == (0, 1)


def test_oversized_message_is_marked_as_cut(tmp_path):
    with recorder(tmp_path) as made:
        made.record([publish(b"begin", total=10_000)])
    (found,) = read_capture(tmp_path / "c.jsonl")
    assert not found.whole


def test_properties_that_cannot_be_read_are_reported_to_be_unreadable(tmp_path):
    with recorder(tmp_path) as made:
        made.record([publish(b"x", properties=b"\x7f")])
    (found,) = read_capture(tmp_path / "c.jsonl")
    assert list(found.message.properties) == ["unreadable"]


def test_file_is_readable_by_its_owner_only_and_never_overwritten(tmp_path):
    recorder(tmp_path).__exit__()
    assert stat.S_IMODE((tmp_path / "c.jsonl").stat().st_mode) == 0o600
    with pytest.raises(BridgeError, match=r"c.jsonl exists already; choose another name, or remove it"):
        recorder(tmp_path)
    with pytest.raises(BridgeError, match=r"x/c.jsonl cannot be created: No such file or directory"):
        recorder(tmp_path / "x")


def test_full_disk_is_reported_to_be_one(tmp_path):
    made = recorder(tmp_path)
    made.__exit__()
    with Path("/dev/full").open("wb") as full:
        made._descriptor = full.fileno()
        with pytest.raises(BridgeError, match=r"c.jsonl cannot be written: No space left on device"):
            made.record([publish(b"x")])
