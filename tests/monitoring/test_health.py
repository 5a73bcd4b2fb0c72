from bridge.errors import SpoolWriteError
from bridge.monitoring.flow import Flow
from bridge.monitoring.health import health, readiness
from tests.web.bridges import snapshot, stream


def test_health_does_not_depend_on_the_broker(bridge):
    bridge.now = snapshot(connected=False, subscribed=False)
    assert health(bridge).ok


def test_health_reports_a_thread_without_progress(bridge):
    bridge.hanging = ["the threads that send to telemetry have ended"]
    assert health(bridge).reasons == ("the threads that send to telemetry have ended",)


def test_readiness_without_errors_is_ready(bridge):
    assert readiness(bridge).ok


def test_readiness_has_every_error_as_a_reason(bridge):
    refused = stream(state="refused", detail="AccessDenied", hint="allow it")
    bridge.flow = Flow(unsubscribed_secs=60.0)
    bridge.now = snapshot(subscribed=False, streams=(stream("archive"), refused), blocked_reason="the disk is full")
    assert [each.partition(", since ")[0] for each in readiness(bridge).reasons] == [
        "ERROR: not subscribed to all topics at mqtt://127.0.0.1:1883",
        "ERROR: back-pressure: reading from the broker is paused",
        "ERROR: AWS refuses the records of stream telemetry",
    ]
    bridge.now = snapshot(connected=False, subscribed=False)
    [reason] = readiness(bridge).reasons
    assert reason.startswith("ERROR: no MQTT session with mqtt://127.0.0.1:1883, since ")


def test_client_id_conflict_is_a_reason_while_connected(bridge):
    bridge.now = snapshot(client_id_conflict="another client uses the same mqtt.client_id")
    [reason] = readiness(bridge).reasons
    assert reason.endswith(": another client uses the same mqtt.client_id")


def test_readiness_of_a_degraded_bridge_is_ready_without_a_reason(bridge):
    bridge.now = snapshot(streams=(stream(hot_key="press07"),), damaged_spools=1)
    assert readiness(bridge).value() == {"ok": True, "state": "degraded", "reasons": []}


def test_readiness_of_a_bridge_that_cannot_be_read_is_not_ready(bridge):
    def unreadable():
        raise SpoolWriteError("disk I/O error")

    bridge.snapshot = unreadable
    assert readiness(bridge).value() == {
        "ok": False,
        "state": "failing",
        "reasons": ["ERROR: the status cannot be read: disk I/O error"],
    }
