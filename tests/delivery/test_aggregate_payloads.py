from bridge.delivery.aggregate_payloads import AggregatePayloads
from bridge.model import Destination


def test_aggregate_payloads_that_never_occur_are_not_logged(caplog):
    payloads = AggregatePayloads(Destination("telemetry"))
    payloads.add(0)
    assert payloads.count == 0
    assert not caplog.messages


def test_first_one_is_logged_with_what_to_do(caplog):
    payloads = AggregatePayloads(Destination("telemetry"))
    payloads.add(2)
    payloads.add(0)
    payloads.add(3)
    assert payloads.count == 5
    (message,) = caplog.messages
    assert message.startswith("stream telemetry: a payload is itself a KPL aggregated record, and was sent unchanged")
    assert "set packing: kpl" in message


def test_warning_with_kpl_names_the_stream_as_the_reason(caplog):
    AggregatePayloads(Destination("telemetry", packing="kpl")).add(1)
    assert "packing: kpl is not applied to this stream now" in caplog.text
    assert "set packing" not in caplog.text
