import ssl
import time

import pytest

from tests.harness import mosquitto as harness
from tests.harness.certificates import Authority
from tests.harness.mosquitto import Mosquitto
from tests.harness.publisher import Publisher
from tests.harness.subscriber import Subscriber

ONE = [("plant/press", b"1")]


def send(broker, messages=ONE):
    with Publisher(broker.port, client_id="sender", username="press", password="right") as publisher:
        publisher.publish(messages)


def refusal(subscriber):
    try:
        return subscriber.connect()
    finally:
        subscriber.close()


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    with Mosquitto(authority=authority, client_certificates=True, websockets=True) as broker:
        yield broker, authority


def identity(authority, name):
    certificate, key = authority.client(name)
    return {"ca_certs": str(authority.ca_file), "certfile": str(certificate), "keyfile": str(key)}


def test_messages_pass_through_the_broker():
    with Mosquitto() as broker, Subscriber(broker.port) as subscriber:
        send(broker)
        assert subscriber.wait_for(1) == ONE


def test_missing_mosquitto_is_a_failure_that_reports_how_to_install_it():
    with pytest.raises(AssertionError, match="apt-get install mosquitto"):
        harness.executable("mosquitto-of-another-name")


def test_configuration_that_mosquitto_refuses_is_a_failure_at_once():
    with pytest.raises(AssertionError, match="has ended"), Mosquitto(settings="no_such_setting 1"):
        pass


def test_killed_broker_keeps_its_sessions_where_persistence_is_on():
    with Mosquitto(persistence=True) as broker:
        with Subscriber(broker.port, client_id="kept", keep_session=True):
            pass
        send(broker)
        wait_for_autosave(broker)
        broker.kill()
        broker.start()
        with Subscriber(broker.port, client_id="kept", keep_session=True) as again:
            assert again.wait_for(1) == ONE


def wait_for_autosave(broker):
    saved = broker.folder / "mosquitto.db"
    before = saved.stat().st_mtime_ns if saved.exists() else None
    deadline = time.monotonic() + 20
    for _ in range(2):  # the first save may have begun before the message arrived
        while not saved.exists() or saved.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline, "mosquitto saves nothing"
            time.sleep(0.01)
        before = saved.stat().st_mtime_ns


def test_restarted_broker_listens_on_the_same_port():
    with Mosquitto(persistence=True) as broker:
        port = broker.port
        broker.restart()
        assert broker.port == port
        send(broker)


def test_paused_broker_answers_when_resumed():
    with Mosquitto() as broker:
        broker.pause()
        with Publisher(broker.port, patience_secs=0.3) as publisher, pytest.raises(TimeoutError):
            publisher.publish(ONE)
        broker.resume()
        send(broker)


@pytest.mark.parametrize(("password", "reason"), [("right", "Success"), ("wrong", "Not authorized")])
def test_password_is_requested(password, reason):
    with Mosquitto(users={"press": "right"}) as broker:
        assert refusal(Subscriber(broker.port, username="press", password=password, protocol="5")) == reason


def test_authority_of_its_own_signs_server_and_client(secured):
    broker, authority = secured
    with Subscriber(broker.tls_port, tls=identity(authority, "press")) as subscriber:
        send(broker)
        assert subscriber.wait_for(1) == ONE


def test_client_without_a_certificate_is_turned_away(secured):
    broker, authority = secured
    subscriber = Subscriber(broker.tls_port, tls={"ca_certs": str(authority.ca_file)})
    with pytest.raises(AssertionError, match="no CONNACK"):
        subscriber.connect(timeout_secs=1)
    subscriber.close()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves its socket open
def test_certificate_of_another_authority_is_not_trusted(secured, tmp_path):
    broker, _ = secured
    with pytest.raises(ssl.SSLCertVerificationError):
        refusal(Subscriber(broker.tls_port, tls={"ca_certs": str(Authority(tmp_path).ca_file)}))


def test_websockets_are_served_plain(secured):
    broker, _ = secured
    assert refusal(Subscriber(broker.websocket_port, websocket=True)) == "Success"


def test_websockets_are_served_encrypted(secured):
    broker, authority = secured
    tls = identity(authority, "socket")
    assert refusal(Subscriber(broker.websocket_tls_port, websocket=True, tls=tls)) == "Success"


def test_broker_that_refuses_mqtt_5_takes_3_1_1():
    with Mosquitto(refuses_mqtt5=True) as broker:
        assert refusal(Subscriber(broker.port, protocol="5")) != "Success"
        assert refusal(Subscriber(broker.port, protocol="3.1.1")) == "Success"


def test_small_queue_overflows():
    with Mosquitto(max_queued_messages=5) as broker:
        with Subscriber(broker.port, client_id="kept", keep_session=True):
            pass
        send(broker, ONE * 20)
        with Subscriber(broker.port, client_id="kept", keep_session=True) as again:
            again.wait_for(5)
            send(broker, [("plant/last", b"")])
            again.wait_for(6)
            assert again.messages == [*ONE * 5, ("plant/last", b"")]
