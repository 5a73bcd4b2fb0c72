import pytest

from bridge.delivery.batch_outcome import sort_results
from bridge.kinesis.put_records_codec import Accepted, Failed
from tests.fakes.stream_queue import records

ACCEPTED = Accepted("1", "shardId-0")


def test_each_record_goes_by_its_own_result():
    one, two, three, four = records(4)
    throttled = Failed("ProvisionedThroughputExceededException", "slow")
    invalid = Failed("InvalidArgumentException", "bad")
    outcome = sort_results([one, two, three, four], [ACCEPTED, throttled, Failed("InternalFailure", ""), invalid])
    assert outcome.delivered == [one]
    assert outcome.again == [two, three]
    assert outcome.rejected == [(four, "invalid", "InvalidArgumentException: bad")]
    assert outcome.throttled == 1


def test_a_refused_record_is_kept():
    outcome = sort_results(records(1), [Failed("AccessDeniedException", "")])
    assert outcome.again == records(1)


def test_a_wrong_number_of_results_is_never_sorted():
    with pytest.raises(ValueError, match="shorter"):
        sort_results(records(2), [ACCEPTED])
