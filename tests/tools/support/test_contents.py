"""Files of a support bundle: what each file contains, and the reason if it cannot be created."""

import http.server
import json
import os
import ssl
import threading
from contextlib import contextmanager

import pytest

from bridge.errors import ConfigError
from bridge.tools.support import contents
from tests.cli.builders import set_up
from tests.harness.certificates import Authority


class Page(http.server.BaseHTTPRequestHandler):
    """Page that responds with the token of the request."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{self.path} {self.headers['Authorization']}".encode())

    def log_message(self, *_):
        """Log nothing."""


@contextmanager
def page(context=None):
    """Serve the page, with TLS if there is a context. Return its port."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def config_with(folder, http):
    config = set_up(folder)
    config.write_text(config.read_text().replace("http: null", f"http: {http}"))
    return config


@pytest.mark.parametrize("option", ["token", "view_token"])
def test_metrics_request_has_the_token_and_uses_no_proxy(tmp_path, monkeypatch, free_port, option):
    # Nothing listens on the port of the proxy. A proxy that listens would receive the token.
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with page() as port:
        config = config_with(tmp_path, f'{{listen: "0.0.0.0:{port}", {option}: a-token-of-the-plant-page}}')
        assert contents.metrics(config, {}) == "/metrics Bearer a-token-of-the-plant-page"


def test_metrics_of_a_page_with_a_certificate_are_read(tmp_path):
    certificate, key = Authority(tmp_path / "tls").server(address="10.9.8.7")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with page(context) as port:
        config = config_with(tmp_path, f'{{listen: "127.0.0.1:{port}", cert_file: "{certificate}", key_file: "{key}"}}')
        assert contents.metrics(config, {}) == "/metrics None"


def test_metrics_of_another_certificate_are_refused(tmp_path):
    certificate, key = Authority(tmp_path / "tls").server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Authority(tmp_path / "other").server())
    with page(context) as port:
        config = config_with(tmp_path, f'{{listen: "127.0.0.1:{port}", cert_file: "{certificate}", key_file: "{key}"}}')
        with pytest.raises(OSError, match="certificate verify failed"):
            contents.metrics(config, {})


def test_metrics_without_a_page_name_the_option(tmp_path):
    with pytest.raises(OSError, match="http: null"):
        contents.metrics(set_up(tmp_path), {})


def test_log_has_the_last_lines_even_if_they_are_not_utf8(tmp_path):
    file = tmp_path / "bridge.log"
    file.write_bytes(b"".join(b"%d \xff\n" % number for number in range(contents.LOG_LINES + 2)))
    lines = contents.log_lines(file).splitlines()
    assert (len(lines), lines[0], lines[-1]) == (contents.LOG_LINES, "2 \ufffd", f"{contents.LOG_LINES + 1} \ufffd")


@pytest.fixture
def journalctl(tmp_path, monkeypatch):
    """Return a function that replaces journalctl by a shell script."""

    def replace(script):
        program = tmp_path / "journalctl"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")

    return replace


def test_log_of_the_journal_may_contain_any_bytes(journalctl):
    journalctl("printf 'a \\377\\n'")
    assert contents.log_lines(None) == "a \ufffd\n"


@pytest.mark.parametrize("script", ["exit 1", "echo", "echo no-entries; exit 1"])
def test_log_of_an_empty_journal_names_the_option(journalctl, script):
    journalctl(script)
    with pytest.raises(OSError, match="--log"):
        contents.log_lines(None)


def test_log_without_journalctl_names_the_option(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match="journalctl is not installed"):
        contents.log_lines(None)


def test_mapping_files_are_read_without_backups_and_folders(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"topic: a\xff")
    for name in (".hidden.yaml", "a.yaml~", "notes.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder.yaml").mkdir()
    [file] = contents.mapping_files(tmp_path)
    assert (file.name, contents.mapping_text(file)) == ("a.yaml", "topic: a\ufffd")


def test_problems_are_empty_only_for_a_valid_configuration(tmp_path):
    config = set_up(tmp_path)
    assert contents.problems(config, {}) == ""
    config.write_text(config.read_text() + "unknown: 1\n")
    assert "unknown" in contents.problems(config, {})
    with pytest.raises(ConfigError):
        contents.configuration(tmp_path / "none.yaml")


def test_versions_have_every_installed_package():
    about = json.loads(contents.versions())
    assert {"orjson", "paho-mqtt", "boto3"} <= {name.lower() for name in about["packages"]}
    assert about["mqtt-kinesis"]
