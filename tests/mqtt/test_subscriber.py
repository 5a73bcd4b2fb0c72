"""The session with a real broker."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from bridge.mqtt.broker_address import BrokerAddress
from bridge.mqtt.stored_session import StoredSession
from tests.harness.certificates import Authority
from tests.harness.mosquitto import Mosquitto, executable
from tests.harness.mqtt_settings import tls_files
from tests.harness.network import free_port
from tests.harness.publisher import Publisher
from tests.mqtt.polling import payloads, poll_until, poll_until_subscribed, settings, subscriber


@pytest.fixture(scope="module")
def broker():
    with Mosquitto() as broker:
        yield broker


@pytest.fixture
def session(broker, request):
    """session(**options): a subscriber of its own at the broker, closed at the end."""
    made = []

    def make(*ports, **options):
        options.setdefault("client_id", f"{request.node.name}"[:60])
        made.append(subscriber(*(ports or [broker.port]), **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def publish(broker, *messages, qos=1, client_id="sender"):
    with Publisher(broker.port, client_id=client_id) as publisher:
        publisher.publish(messages, qos=qos)


@pytest.mark.parametrize("version_5", [False, True], ids=["3.1.1", "5"])
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_messages_of_every_qos_arrive(broker, session, qos, version_5):
    topic = f"every/{qos}/{version_5}"
    at = session(wanted={topic: 2}.items(), version_5=version_5)
    poll_until_subscribed(at)
    publish(broker, *((topic, b"%d" % number) for number in range(50)), qos=qos)
    burst = poll_until(at, lambda burst: len(payloads(burst)) == 50)
    assert payloads(burst) == [b"%d" % number for number in range(50)]
    assert {first >> 1 & 3 for first, *_ in burst if first >> 4 == 3} == {qos}


def test_window_in_version_5_is_far_larger_than_20_messages(session):
    with Mosquitto(max_inflight_messages=20) as narrow:
        at = session(narrow.port)
        poll_until_subscribed(at)
        publish(narrow, *(("plant/a", b"x") for _ in range(500)))
        poll_until(at, lambda burst: len(burst) == 500, acknowledge=False)


def test_message_is_redelivered_until_it_is_acknowledged(broker, session):
    first = session(client_id="redelivered", wanted={"again": 1}.items())
    poll_until_subscribed(first)
    publish(broker, ("again", b"1"))
    assert payloads(poll_until(first, len, acknowledge=False)) == [b"1"]
    first.close()
    second = session(client_id="redelivered", wanted={"again": 1}.items())
    [(flags, *_)] = poll_until(second, len)
    assert flags & 8
    second.close()
    third = session(client_id="redelivered", wanted={"again": 1}.items())
    poll_until_subscribed(third)
    publish(broker, ("again", b"2"))
    assert payloads(poll_until(third, len)) == [b"2"]


def test_retained_messages_are_sent_for_a_new_subscription_only(broker, session):
    subprocess.run(
        [executable("mosquitto_pub"), "-p", str(broker.port), "-t", "kept/1", "-m", "old", "-r", "-q", "1"], check=True
    )
    first = session(client_id="retained", wanted={"kept/#": 1}.items())
    [(flags, *_)] = poll_until(first, len)
    assert flags & 1
    first.close()
    second = session(client_id="retained", wanted={"kept/#": 1}.items())
    poll_until_subscribed(second)
    publish(broker, ("kept/2", b"new"))
    assert payloads(poll_until(second, len)) == [b"new"]


def test_subscriber_subscribes_again_if_the_broker_lost_the_session(session):
    with Mosquitto() as forgetful:
        told = []
        at = session(forgetful.port, on_session=told.append)
        poll_until_subscribed(at)
        forgetful.kill()
        poll_until(at, lambda _: not at.state().connected)
        forgetful.start()
        poll_until_subscribed(at)
        publish(forgetful, ("plant/a", b"after"))
        assert payloads(poll_until(at, len)) == [b"after"]
        assert told == [False, False]
        assert at.connections == 2


def test_stored_session_is_reported_and_stale_filters_unsubscribed(broker, session):
    earlier = session(client_id="stale", wanted={"old/#": 1, "new/#": 1}.items())
    poll_until_subscribed(earlier)
    held = set(earlier.subscriptions.maybe_subscribed)
    record = StoredSession(earlier.state().broker)
    earlier.close()
    told = []
    at = session(client_id="stale", wanted={"new/#": 1}.items(), held=held, record=record, on_session=told.append)
    poll_until(at, lambda _: at.state().subscribed and at.subscriptions.maybe_subscribed == {"new/#"})
    assert told == [True]
    publish(broker, ("old/1", b"old"), ("new/1", b"new"))
    assert payloads(poll_until(at, len)) == [b"new"]


def test_reload_changes_the_subscriptions_within_the_session(broker, session):
    at = session(wanted={"reload/a": 1, "reload/b": 1}.items())
    poll_until_subscribed(at)
    at.set_filters({"reload/b": 1, "reload/c": 1})
    poll_until(at, lambda _: at.subscriptions.maybe_subscribed == {"reload/b", "reload/c"} and at.state().subscribed)
    publish(broker, *((f"reload/{name}", name.encode()) for name in "abc"))
    assert payloads(poll_until(at, lambda burst: len(burst) == 2)) == [b"b", b"c"]
    assert at.connections == 1


def test_bridges_of_one_share_group_divide_the_messages(broker, session):
    pair = [session(client_id=f"sharing-{name}", share="hall", wanted={"shared/#": 1}.items()) for name in "ab"]
    for each in pair:
        poll_until_subscribed(each)
    publish(broker, *(("shared/x", b"%d" % number) for number in range(100)))
    got = [[], []]
    deadline = time.monotonic() + 10
    while len(got[0]) + len(got[1]) < 100 and time.monotonic() < deadline:
        for mine, each in zip(got, pair, strict=True):
            mine.extend(payloads(each.poll(0.02)))
    assert sorted(int(payload) for mine in got for payload in mine) == list(range(100))
    assert all(got)


def test_addresses_are_tried_in_turn(broker, session):
    at = session(free_port(), free_port(), broker.port)
    poll_until_subscribed(at)
    assert at.state().broker == f"mqtt://127.0.0.1:{broker.port}"


def test_wrong_password_is_reported_with_what_to_check(session):
    with Mosquitto(users={"bridge": "right"}) as guarded:
        at = session(guarded.port, username="bridge", password="wrong-secret")
        poll_until(at, lambda _: at.state().problem)
        problem = at.state().problem
        assert f"no session with mqtt://127.0.0.1:{guarded.port}" in problem
        assert "check mqtt.username and mqtt.password" in problem
        assert "wrong-secret" not in problem + repr(settings(1, password="wrong-secret"))
        again = session(guarded.port, username="bridge", password="right")
        poll_until_subscribed(again)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves its socket open
def test_certificate_of_another_authority_is_reported(session, tmp_path):
    authority = Authority(tmp_path / "plant")
    other = Authority(tmp_path / "other")
    with Mosquitto(authority=authority) as secured:
        address = BrokerAddress("mqtts", "127.0.0.1", secured.tls_port)
        at = session(addresses=(address,), tls=tls_files(ca_file=other.ca_file))
        poll_until(at, lambda _: at.state().problem)
        assert "the CA certificate that signed the broker's certificate is not trusted" in at.state().problem
        again = session(addresses=(address,), tls=tls_files(ca_file=authority.ca_file))
        poll_until_subscribed(again)


def test_client_id_used_twice_reports_it_to_the_client_that_lost_it(session, broker):
    first = session(client_id="twice")
    poll_until_subscribed(first)
    second = session(client_id="twice")
    poll_until_subscribed(second)
    poll_until(first, lambda _: first.state().problem)
    assert "another client with this client ID" in first.state().problem


def test_broker_that_hangs_is_noticed_within_twice_the_keepalive(session):
    with Mosquitto() as hanging:
        at = session(hanging.port, keepalive_secs=2)
        poll_until_subscribed(at)
        hanging.pause()
        begun = time.monotonic()
        poll_until(at, lambda _: at.state().problem)
        assert time.monotonic() - begun < 2 * 2 + 10  # not a bit later, but for what else the machine does
        hanging.resume()
        poll_until_subscribed(at)
        assert at.connections >= 2


def test_paused_reading_keeps_the_connection_and_its_messages(broker, session):
    at = session(keepalive_secs=3, wanted={"paused/#": 1}.items())
    poll_until_subscribed(at)
    time.sleep(2.9)  # so that a ping of paho's is about to go out when the pause begins
    at.poll(0.05)
    messages = [("paused/x", b"%04d" % number + bytes(4000)) for number in range(2000)]
    publishing = threading.Thread(target=publish, args=(broker, *messages))
    publishing.start()
    begun = time.monotonic()
    while time.monotonic() - begun < 1.5 * 3 + 2 or publishing.is_alive():  # the broker waits for 1.5 keepalives
        assert at.poll(0.2, reading=False) == []
    burst = poll_until(at, lambda burst: len(burst) >= 2000)
    assert [int(payload[:4]) for payload in payloads(burst)] == list(range(2000))
    assert at.connections == 1


def test_wake_ends_a_poll_at_once(session):
    at = session()
    poll_until_subscribed(at)
    at.poll(0)
    at.wake()
    begun = time.monotonic()
    at.poll(60)
    assert time.monotonic() - begun < 30


def test_wake_a_thousand_times_equals_one(session):
    at = session()
    poll_until_subscribed(at)
    for _ in range(100_000):
        at.wake()
    at.poll(5)
    begun = time.monotonic()
    at.poll(0.2)
    assert time.monotonic() - begun > 0.15


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_close_closes_everything_that_was_opened(broker):
    before = open_files()
    for number in range(5):
        at = subscriber(broker.port, free_port(), client_id=f"closed-{number}")
        poll_until_subscribed(at)
        at.close()
        at.close()
        at.wake()
    assert open_files() == before


def test_attempts_that_fail_leave_nothing_open():
    before = open_files()
    at = subscriber(free_port(), free_port())
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        at.poll(0.02)
    at.close()
    assert open_files() == before
