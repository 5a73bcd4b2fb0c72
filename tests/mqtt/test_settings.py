import pytest

from tests.config.builders import KINESIS, loaded, problems


def mqtt(folder, text, environ=None):
    return loaded(folder, f"mqtt:\n  client_id: a\n  {text}\n{KINESIS}", environ).mqtt


def problem(folder, text):
    [found] = problems(folder, f"mqtt:\n  client_id: a\n  {text}\n{KINESIS}")
    return found


@pytest.mark.parametrize(
    "url",
    ["mqtt://broker", "mqtts://broker.plant.local:8883", "ws://10.0.0.1:9001/mqtt", "wss://b/", "mqtt://[::1]:1883"],
)
def test_url_with_each_scheme_is_accepted(tmp_path, url):
    assert mqtt(tmp_path, f"url: '{url}'").urls == (url,)


def test_url_may_be_a_list_of_brokers(tmp_path):
    assert mqtt(tmp_path, "url: [mqtt://a, mqtts://b:1]").urls == ("mqtt://a", "mqtts://b:1")


@pytest.mark.parametrize(
    "url",
    ["broker", "http://b", "mqtt://", "mqtt://b:0", "mqtt://b:65536", "mqtt://b:x", "mqtt://a b", "mqtt://b/path",
     "mqtt://b?x=1", "mqtt://b#x", "mqtt://[::1", "//b", ""],
)  # fmt: skip
def test_url_of_no_broker_is_refused_with_the_accepted_forms(tmp_path, url):
    assert problem(tmp_path, f"url: '{url}'").startswith(
        "3:3: mqtt.url: expected mqtt://host, mqtts://host, ws://host/path"
    )


def test_bad_url_of_a_list_has_its_own_place(tmp_path):
    assert problem(tmp_path, "url: [mqtt://a, http://b]").startswith("3:19: mqtt.url[1]: expected mqtt://host")


def test_list_of_no_brokers_is_refused(tmp_path):
    assert "a list of at least one item" in problem(tmp_path, "url: []")


@pytest.mark.parametrize(
    "url", ["mqtt://user:hunter2@b", "mqtt://hunter2@b", "mqtt://hunter2:x@b:x", "http://hunter2@b"]
)
def test_credentials_in_the_url_are_refused_and_never_shown(tmp_path, url):
    found = problem(tmp_path, f"url: {url}")
    assert "hunter2" not in found
    if not url.endswith(":x"):
        assert found == "3:3: mqtt.url: credentials do not belong in the URL; use mqtt.username and mqtt.password"


@pytest.mark.parametrize(("text", "version"), [("5", "5"), ("'5'", "5"), ("3.1.1", "3.1.1"), ("'3.1.1'", "3.1.1")])
def test_protocol_is_known_with_and_without_quotes(tmp_path, text, version):
    assert mqtt(tmp_path, f"url: mqtt://b\n  protocol: {text}").protocol == version


@pytest.mark.parametrize("text", ["4", "3.1", "true", "5.0", "311"])
def test_protocol_other_than_5_and_3_1_1_is_refused(tmp_path, text):
    assert "mqtt.protocol: expected '5' or '3.1.1', found" in problem(tmp_path, f"url: mqtt://b\n  protocol: {text}")


@pytest.mark.parametrize(
    ("option", "low", "high"),
    [
        ("keepalive_secs", 5, 65_535),
        ("session_expiry_secs", 1, 4_294_967_295),
        ("receive_maximum", 1, 65_535),
        ("max_message_bytes", 1024, 256 * 1024**2),
        ("connect_timeout_secs", 0.1, 300),
        ("reconnect_max_secs", 1, 3600),
    ],
)
def test_numbers_have_their_limits(tmp_path, option, low, high):
    for value in (low, high):
        assert getattr(mqtt(tmp_path, f"url: mqtt://b\n  {option}: {value}"), option) == value
    for value in (low - 1, high + 1):
        assert f"mqtt.{option}: expected a" in problem(tmp_path, f"url: mqtt://b\n  {option}: {value}")


@pytest.mark.parametrize("name", ["''", "a/b", "a+", "'#'", '"a\\0"'])
def test_share_is_one_level_of_a_topic(tmp_path, name):
    assert "mqtt.share: " in problem(tmp_path, f"url: mqtt://b\n  share: {name}")


@pytest.mark.parametrize("name", ["''", '"a\\0"', "x" * 65_536, "5"])
def test_client_id_is_text_that_mqtt_can_carry(tmp_path, name):
    [found] = problems(tmp_path, f"mqtt: {{url: mqtt://b, client_id: {name}}}\n{KINESIS}")
    assert found.startswith("1:23: mqtt.client_id: expected text")


def test_tls_files_begin_at_the_configurations_folder(tmp_path):
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).write_text("x")
    tls = mqtt(
        tmp_path, f"url: mqtts://b\n  tls: {{ca_file: ca.pem, cert_file: client.pem, key_file: {tmp_path}/client.key}}"
    ).tls
    assert (tls.ca_file, tls.cert_file, tls.key_file) == tuple(
        tmp_path / name for name in ("ca.pem", "client.pem", "client.key")
    )


def test_missing_tls_file_is_a_problem(tmp_path):
    assert problem(tmp_path, "url: mqtts://b\n  tls: {ca_file: ca.pem}").startswith(
        "4:9: mqtt.tls.ca_file: no such file"
    )


@pytest.mark.parametrize("option", ["cert_file", "key_file"])
def test_certificate_and_its_key_belong_together(tmp_path, option):
    (tmp_path / "a.pem").write_text("x")
    assert problem(tmp_path, f"url: mqtts://b\n  tls: {{{option}: a.pem}}") == (
        "4:3: mqtt.tls: cert_file and key_file belong together: set both, or neither"
    )


def test_tls_settings_on_an_unencrypted_connection_are_a_problem(tmp_path):
    (tmp_path / "ca.pem").write_text("x")
    assert "no URL is encrypted" in problem(tmp_path, "url: mqtt://b\n  tls: {ca_file: ca.pem}")
    assert mqtt(tmp_path, "url: [mqtt://b, wss://c]\n  tls: {ca_file: ca.pem}").tls.ca_file == tmp_path / "ca.pem"


def test_password_alone_is_for_mqtt_5_only(tmp_path):
    assert mqtt(tmp_path, "url: mqtt://b\n  password: x").password.get_secret_value() == "x"
    assert "set mqtt.username" in problem(tmp_path, "url: mqtt://b\n  password: x\n  protocol: 3.1.1")


def test_password_that_looks_like_a_number_stays_what_it_is(tmp_path):
    settings = mqtt(tmp_path, "url: mqtt://b\n  password: ${P}", {"P": "0123"})
    assert settings.password.get_secret_value() == "0123"


def test_password_too_long_for_mqtt_is_refused(tmp_path):
    assert problem(tmp_path, f"url: mqtt://b\n  password: {'x' * 65_536}") == (
        "4:3: mqtt.password: expected at most 65535 bytes"
    )
