from bridge.spool.ledger import LedgerRow
from bridge.tools.demo.report import final_checks
from tests.tools.demo.builders import snapshot, stream_status


def verdict(*, published=10, received=10, delivered=20, read_back=20, twice=0, spooled=0, stopped=True):
    ledger = (LedgerRow("m", "s", 20, delivered, 0, 0, 0, spooled),)
    streams = (stream_status("s", duplicates_possible=twice),)
    at_end = snapshot(received_messages=received, ledger=ledger, streams=streams)
    return final_checks(at_end, published, read_back, stopped)


def failed(**changes):
    return [check.split()[0] for check, passed in verdict(**changes).items() if not passed]


def test_final_checks_pass_if_everything_arrived():
    assert failed() == []


def test_message_that_the_bridge_never_received_is_seen():
    assert failed(received=9) == ["published"]


def test_record_that_kinesis_does_not_hold_is_seen():
    assert failed(read_back=19) == ["delivered"]


def test_duplicate_in_kinesis_fails_unless_a_response_was_lost():
    assert failed(read_back=21) == ["delivered"]
    assert failed(read_back=21, twice=1) == []


def test_ledger_off_by_one_is_reported():
    assert failed(delivered=19, read_back=19) == ["accounting:"]
    assert failed(delivered=19, read_back=19, spooled=1) == []


def test_stop_that_took_too_long_is_seen():
    assert failed(stopped=False) == ["everything"]
