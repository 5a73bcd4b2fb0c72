import pytest

from bridge.model import DEFAULT_RECORD_BYTES, SPREAD_KEY_BYTES, Destination, Output, spread_key


def test_plain_output_goes_to_the_queue_named_as_its_stream():
    assert str(Output(0, "telemetry", "line3").destination) == "telemetry"


def test_queue_of_a_newer_version_is_not_taken_for_one_of_this():
    with pytest.raises(ValueError, match="does not know colour"):
        Destination.parse("telemetry colour=red")


@pytest.mark.parametrize("number", [1, 10**18])
def test_spread_key_of_large_data_is_one_byte(number):
    assert spread_key(number, 1000) == str(number)
    assert spread_key(number, 1000, 3) == f"{number}-3"
    for attempt in range(3):
        assert len(spread_key(number, DEFAULT_RECORD_BYTES - 1, attempt).encode()) == SPREAD_KEY_BYTES


def test_spread_keys_of_large_data_are_many():
    assert len({spread_key(number, DEFAULT_RECORD_BYTES) for number in range(1000)}) == 94
