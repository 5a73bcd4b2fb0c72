import pytest

from bridge.model import Destination, Output


def test_a_plain_output_goes_to_the_queue_named_as_its_stream():
    assert str(Output(0, "telemetry", "line3").destination) == "telemetry"


def test_a_queue_of_a_newer_version_is_not_taken_for_one_of_this():
    with pytest.raises(ValueError, match="does not know colour"):
        Destination.parse("telemetry colour=red")
