"""Result of the mappings for sampled messages."""

import pytest

from bridge.mapping.loading.mapping_loader import load_folder
from bridge.mapping.router import Router
from bridge.tools.doctor.broker import traffic_sample
from bridge.tools.doctor.broker.traffic_sample import TrafficSample
from tests.cli.builders import set_up

LAST = "topic: last/{machine}\nretained: skip\noutputs: [{data_stream: a}, {data_stream: b}]\n"


@pytest.fixture
def listening(tmp_path, monkeypatch):
    set_up(tmp_path, last=LAST)
    loaded = load_folder(tmp_path / "mappings", {})
    assert not loaded.problems
    made = TrafficSample(Router(loaded.mappings.values()))
    clock = [100.0]
    monkeypatch.setattr(traffic_sample.time, "monotonic", lambda: clock[0])
    made.begin()
    clock[0] += 10
    return made


def message(topic, payload=b'{"t": 1}', *, retained=False, size=None):
    return 0x32 | retained, topic, b"\0\1", b"", payload, len(payload) if size is None else size


PRESS, LAST_TOPIC = b"factory/pdx/press07/telemetry", b"last/press07"


def test_retained_messages_are_counted_by_mapping_and_those_left_out_apart(listening):
    for topic in (PRESS, PRESS, LAST_TOPIC, b"other"):
        listening.add(message(topic, retained=True))
    assert listening.retained == {"press": 2}
    assert listening.skipped == 2
    assert listening.rate() is None


def test_rate_is_of_the_records_that_the_mappings_make(listening):
    for _ in range(40):
        listening.add(message(PRESS))
        listening.add(message(PRESS, b'{"t": 1, "status": "OFF"}'))
    made = len(b'{"machine":"press07","t":1}') + 100
    assert listening.rate().bytes_per_sec == pytest.approx(40 * made / 10)
    assert listening.rate().source == "as measured at the broker in 10 s"


def test_messages_that_cannot_be_mapped_count_for_the_rate(listening):
    listening.add(message(PRESS, b"no JSON"))
    listening.add(message(LAST_TOPIC, b"[1]"[:2], size=1_000))
    assert listening.rate().bytes_per_sec == pytest.approx((7 + 100 + 2 * (1_000 + 100)) / 10)


def test_sample_of_very_many_messages_is_extrapolated(listening, monkeypatch):
    monkeypatch.setattr(traffic_sample, "MAPPED", 10)
    for _ in range(1_000):
        listening.add(message(PRESS))
    made = len(b'{"machine":"press07","t":1}') + 100
    assert listening.rate().bytes_per_sec == pytest.approx(1_000 * made / 10)
