from bridge.monitoring.health import health, readiness
from tests.web.bridges import snapshot, stream


def test_a_bridge_that_makes_progress_is_alive_whatever_the_broker_does(bridge):
    bridge.now = snapshot(connected=False, subscribed=False)
    assert health(bridge).well


def test_what_makes_no_progress_is_told(bridge):
    bridge.hanging = ["the threads that send to telemetry have ended"]
    assert health(bridge).reasons == ("the threads that send to telemetry have ended",)


def test_a_bridge_that_does_all_of_its_work_is_ready(bridge):
    assert readiness(bridge).well


def test_readiness_says_every_reason_why_not(bridge):
    refused = stream(state="refused", detail="AccessDenied", hint="allow it")
    bridge.now = snapshot(subscribed=False, streams=(stream("archive"), refused), blocked="the disk is full")
    assert readiness(bridge).reasons == (
        "not subscribed at mqtt://127.0.0.1:1883",
        "telemetry: refused: AccessDenied; allow it",
        "not spooling: the disk is full",
    )
    bridge.now = snapshot(connected=False)
    assert readiness(bridge).reasons == ("not connected to mqtt://127.0.0.1:1883",)


def test_a_rival_for_the_session_is_a_reason_while_connected_too(bridge):
    bridge.now = snapshot(rival="another client uses the same mqtt.client_id")
    assert readiness(bridge).reasons == ("another client uses the same mqtt.client_id",)
