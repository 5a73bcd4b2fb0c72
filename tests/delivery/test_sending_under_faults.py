"""Random faults of all kinds at once: no record is lost or settled twice, and all duplicates are counted."""

import random
import threading
import time
from collections import Counter

import pytest

from tests.delivery.test_stream_sender import QUICK, numbers, sending, stored_numbers
from tests.fakes.stream_queue import MemoryQueue, eventually, records

TROUBLE = [
    ("error", {"code": "ServiceUnavailable", "status": 503}),
    ("error", {"code": "ProvisionedThroughputExceededException", "status": 400}),
    ("error", {"code": "AccessDeniedException", "status": 400}),
    ("error", {"code": "ExpiredTokenException", "status": 403}),
    ("reset", {}),
    ("truncate", {}),
    ("malformed", {}),
    ("short", {}),
    ("slow", {"secs": 0.05}),
    ("slow", {"secs": 0.4}),
]


def feed(queue, some, chance):
    """Bursts of random length."""
    while some:
        size = chance.randint(1, 120)
        queue.put(*some[:size])
        some = some[size:]
        time.sleep(0.002)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sender_under_faults_loses_nothing_and_settles_once(kinesis, impatient, seed):
    chance, sent = random.Random(seed), records(2500)
    poison = {17, 1999}
    kinesis.streams["telemetry"].poison_keys |= {f"machine-{number}" for number in poison}
    kinesis.fail_records("telemetry", share=0.1, records=400)
    kinesis.fail_records("telemetry", share=0.1, code="InternalFailure", records=200)
    for kind, settings in chance.sample(TROUBLE * 2, 12):
        kinesis.fault(kind, requests=1, **settings)
    queue = MemoryQueue("telemetry")
    feeder = threading.Thread(target=feed, args=(queue, sent, chance))
    with sending(queue, impatient, QUICK) as sender:
        feeder.start()
        assert queue.wait_settled(2500, secs=20)
        feeder.join()
        assert eventually(lambda: sender.status().in_flight_requests == 0)
        status = sender.status()
    assert numbers(queue.delivered) == [number for number in range(1, 2501) if number not in poison]
    assert sorted(record.number for record, _, _ in queue.rejected) == sorted(poison)
    stored = stored_numbers(kinesis)
    assert set(stored) == set(range(1, 2501)) - poison
    assert (stored - Counter(set(stored))).total() <= status.duplicates_possible
    assert (status.state, status.waiting, status.delivered, status.rejected) == ("ok", 0, 2498, 2)
