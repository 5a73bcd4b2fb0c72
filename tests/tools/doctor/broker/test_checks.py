"""The doctor with a real mosquitto: its findings, and that it changes nothing."""

import itertools
import re
import threading
import time

import pytest

from bridge.mapping.loading.mapping_loader import load_folder
from bridge.mapping.router import Router
from bridge.mqtt.broker_address import BrokerAddress
from bridge.mqtt.subscriptions import Subscriptions
from bridge.tools.doctor.broker import checks, inflight_window
from bridge.tools.doctor.broker.checks import BrokerTarget, examine_broker, subscription_findings
from bridge.tools.doctor.traffic_rate import SharedRate
from tests.cli.builders import set_up
from tests.harness.mosquitto import Mosquitto
from tests.harness.mqtt_settings import mqtt_settings
from tests.harness.publisher import Publisher
from tests.harness.subscriber import Subscriber
from tests.mqtt.scripted_broker import FilterBroker, ScriptedBroker

PRESS = "factory/pdx/press{}/telemetry"


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    monkeypatch.setattr(checks, "LISTEN_SECS", 0.5)
    monkeypatch.setattr(checks, "SYSTEM_SECS", 0.3)
    monkeypatch.setattr(inflight_window, "PATIENCE_SECS", 2.0)


@pytest.fixture
def examined(tmp_path):
    def examine(served, protocol="5", *, publishing=False, share=None, **mappings):
        if not (tmp_path / "mappings").exists():
            set_up(tmp_path, **mappings)
        loaded = load_folder(tmp_path / "mappings", {})
        assert not loaded.problems
        address = BrokerAddress.parse(f"mqtt://127.0.0.1:{served.port}")
        settings = mqtt_settings(address, client_id="test", version_5=protocol == "5", share=share)
        asked = BrokerTarget(settings, Router(loaded.mappings.values()), lambda: 0.001, SharedRate(), publishing)
        return list(examine_broker(asked)), asked.rate

    return examine


def by_check(findings):
    return {each.check: each for each in findings}


def retain(served, number):
    with Publisher(served.port) as publisher:
        publisher.publish([(PRESS.format(each), b'{"t": 1}') for each in range(number)], retain=True)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize("limit", [20, 0, 100])
def test_in_flight_window_is_measured(examined, limit, protocol):
    with Mosquitto(max_inflight_messages=limit, max_queued_messages=0) as served:
        retain(served, 1_500)
        told = by_check(examined(served, protocol)[0])
    found = told["broker.window"]
    if protocol == "3.1.1" and limit:
        assert found.facts["size"] == limit, found
        assert found.status == ("warning" if limit < 100 else "ok")
    else:
        assert found.facts["size"] is None, found
        assert found.status == "ok"
    if protocol == "5":  # where mosquitto says it in the CONNACK, of its own side
        assert told["broker.limits"].facts.get("ReceiveMaximum", 0) == limit


def test_retained_messages_and_their_drops_are_counted(examined):
    with Mosquitto(max_inflight_messages=20, max_queued_messages=1_000) as served:
        retain(served, 3_000)
        findings, _ = examined(served, "3.1.1")
    flood, lost = (each for each in findings if each.check == "broker.retained")
    assert flood.status == "warning"
    assert flood.facts["messages"] == 3_000
    assert flood.facts["bytes"] == 3_000 * len(b'{"t": 1}')
    assert "press" in flood.message
    assert "after each connection" in flood.message
    assert lost.status == "error"
    assert "dropped 1,980 of 3,000" in lost.message
    assert "max_queued_messages 0" in lost.advice


def test_retained_messages_that_mappings_skip_are_no_warning(examined):
    skipping = "topic: factory/{site}/{machine}/telemetry\nretained: skip\noutputs: [{data_stream: telemetry}]\n"
    with Mosquitto(max_queued_messages=0) as served:
        retain(served, 1_200)
        told = by_check(examined(served, press=skipping)[0])
    assert told["broker.retained"].status == "ok"
    assert "1,200" in told["broker.retained"].message


def test_messages_of_mosquitto_s_own_drops_are_reported(examined):
    with Mosquitto(max_inflight_messages=20, max_queued_messages=1, settings="sys_interval 1") as served:
        retain(served, 50)
        findings, _ = examined(served, "3.1.1")
        deadline = time.monotonic() + 20
        while by_check(findings)["broker.dropped"].status == "ok" and time.monotonic() < deadline:
            findings, _ = examined(served, "3.1.1")
    assert by_check(findings)["broker.dropped"].facts["dropped"] > 0


def test_published_messages_give_the_rate(examined):
    with Mosquitto() as served, Publisher(served.port) as publisher:
        messages = ((PRESS.format(number), b'{"t": 1}') for number in range(2_000))
        thread = threading.Thread(target=publisher.publish, args=(messages,), kwargs={"rate": 500})
        thread.start()
        findings, heard = examined(served)
        thread.join()
    assert by_check(findings)["broker.messages"].facts["messages"] > 10
    rate = heard.rate(0)
    assert rate.bytes_per_sec > 10 * 100
    assert "as measured at the broker" in rate.source


def test_quiet_broker_is_reported_so(examined, mosquitto):
    findings, heard = examined(mosquitto)
    assert "none in" in by_check(findings)["broker.messages"].message
    assert heard.rate(0) is None


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_doctor_publishes_nothing_and_leaves_no_session(examined, protocol):
    with Mosquitto(persistence=True, settings="log_type all") as served:
        with Subscriber(served.port, "factory/#", client_id="test", keep_session=True):
            """The bridge's own session, which it leaves to the broker."""
        with Publisher(served.port) as publisher:
            publisher.publish([(PRESS.format(1), b"%d" % number) for number in range(30)])
        with Subscriber(served.port) as everything:
            examined(served, protocol)
            with Publisher(served.port) as publisher:
                publisher.publish([("end", b"")])
            assert everything.wait_for(1) == [("end", b"")]
        with Subscriber(served.port, "factory/#", client_id="test", keep_session=True) as bridges:
            assert [payload for _, payload in bridges.wait_for(30)] == [b"%d" % number for number in range(30)]
        served.stop()
        kept = (served.folder / "mosquitto.db").read_bytes()
    assert b"test" in kept
    assert b"test-doctor" not in kept


def test_member_of_a_shared_group_gets_all_of_its_messages(examined, mosquitto):
    with Subscriber(mosquitto.port, "$share/plant/factory/#", client_id="test", protocol="5") as member:
        examining, published = threading.Event(), itertools.count()

        def messages():
            """For as long as the doctor takes, and at least 1,000."""
            for number in published:
                if number >= 1_000 and not examining.is_set():
                    return
                yield PRESS.format(number), b"%d" % number

        with Publisher(mosquitto.port) as publisher:
            examining.set()
            thread = threading.Thread(target=publisher.publish, args=(messages(),), kwargs={"rate": 400})
            thread.start()
            findings, _ = examined(mosquitto, share="plant")
            examining.clear()
            thread.join()
        count = next(published) - 1
        assert len(member.wait_for(count)) == count >= 1_000
    assert by_check(findings)["broker.subscription"].subject.startswith("subscription $share/plant-doctor/")
    assert by_check(findings)["broker.messages"].facts["messages"] > 10


def test_broker_of_3_1_1_is_spoken_to_in_3_1_1(examined):
    with Mosquitto(refuses_mqtt5=True) as served:
        told = by_check(examined(served)[0])
    assert told["broker.session"].facts["protocol"] == "3.1.1"
    assert 'mqtt.protocol: "5"' not in told["broker.window"].advice


def test_limit_of_qos_at_the_broker_is_reported_by_the_suback(examined):
    with Mosquitto(settings="max_qos 0") as served:
        found = next(each for each in examined(served)[0] if each.check == "broker.subscription")
    assert found.status == "warning"
    assert found.message == "granted QoS 0 instead of 1"


def test_suback_of_each_filter_is_a_finding():
    subscriptions = Subscriptions(wanted={"a": 1, "b": 1, "c": 1}, granted_qos={"a": 1})
    subscriptions.refuse("b", "Not authorized", float("inf"))
    a, b, c = subscription_findings(subscriptions)
    assert (a.status, b.status, c.status) == ("ok", "error", "error")
    assert b.message == "refused: Not authorized"
    assert c.message == "no SUBACK from the broker"


@pytest.mark.parametrize(
    ("protocol", "limit", "kept"), [("3.1.1", 1_000, 1_000), ("5", 100, 100), ("3.1.1", 0, None), ("5", 0, None)]
)
def test_publish_option_measures_the_queue(examined, protocol, limit, kept):
    with Mosquitto(max_inflight_messages=20, max_queued_messages=limit) as served:
        told = by_check(examined(served, protocol, publishing=True)[0])
    found = told["broker.queue"]
    assert found.status == ("ok" if kept is None else "error")
    assert found.facts.get("limit") == kept
    assert told["broker.window"].facts["size"] == (20 if protocol == "3.1.1" else None)


def test_doctors_own_messages_become_no_records(examined, mosquitto):
    everything = "topic: '#'\npayload: bytes\noutputs: [{data_stream: all}]\n"
    with Subscriber(mosquitto.port, "mqtt-kinesis/#") as listening:
        told = by_check(examined(mosquitto, publishing=True, all=everything)[0])
        assert listening.messages == []
    assert "a mapping matches mqtt-kinesis/doctor/test-doctor" in told["broker.queue"].message


@pytest.mark.parametrize(
    ("rule", "protocol", "words"),
    [
        # The reason comes before the end of the connection, in the same read or not.
        (
            "topic read #",
            "5",
            "the broker (refused|closed the connection after) a message to mqtt-kinesis/doctor/test-doctor",
        ),
        (
            "topic read #",
            "3.1.1",
            "the broker closed the connection after a message to mqtt-kinesis/doctor/test-doctor",
        ),
        ("topic write #", "5", "was accepted but not received: probably an access rule"),
    ],
)
def test_topic_that_may_not_be_used_is_reported(examined, tmp_path, rule, protocol, words):
    rules = tmp_path / "rules"
    rules.write_text(f"{rule}\n")
    rules.chmod(0o644)
    with Mosquitto(settings=f"acl_file {rules}") as served:
        told = by_check(examined(served, protocol, publishing=True)[0])
    assert told["broker.queue"].status == "warning"
    assert re.search(words, told["broker.queue"].message)
    assert "allow this client to publish to mqtt-kinesis/doctor/test-doctor" in told["broker.queue"].advice


def test_joined_filter_whose_parts_are_granted_is_no_failure(examined):
    output = "outputs: [{data_stream: telemetry}]"
    mappings = {"press": f"topic: plant/{{k}}/t\n{output}", "n": f"topic: plant/m1/{{x}}\n{output}"}
    with ScriptedBroker(FilterBroker(codes={"plant/+/+": 0x87})) as broker:
        findings, _ = examined(broker, **mappings)
    found = {each.subject: each.status for each in findings if each.check == "broker.subscription"}
    assert found == {"subscription plant/+/t": "ok", "subscription plant/m1/+": "ok"}
