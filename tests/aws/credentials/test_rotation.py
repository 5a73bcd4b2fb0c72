"""Certificates and tokens that are replaced while the bridge runs.

The next request is signed with the new credentials.
"""

import logging
import shutil
import time
from datetime import UTC, datetime

import pytest
from cryptography import x509

from bridge.aws.credentials import Authentication
from bridge.aws.credentials.renewed_credentials import AHEAD_SECS
from bridge.errors import Refused
from bridge.kinesis.client_cache import FILE_CHECK_SECS, ClientCache, PublisherSettings
from bridge.model import Destination


class Edge:
    """Device with a certificate and a key in two files, and with a simulated clock."""

    def __init__(self, server, authority, folder):
        self.server, self.authority, self.now = server, authority, 0.0
        self.cert_file, self.key_file = folder / "device.pem", folder / "device.key"
        self.replace(*authority.client("device"))
        server.give = lambda: (f"AKID{len(server.seen)}", "secret", "token", "2099-01-01T00:00:00Z")
        settings = {
            "endpoint": f"127.0.0.1:{server.server_port}",
            "role_alias": "edge",
            "cert_file": str(self.cert_file),
            "key_file": str(self.key_file),
            "ca_file": str(authority.ca_file),
        }
        authentication = Authentication("iot", settings)
        self.clients = ClientCache(PublisherSettings("us-east-1", authentication), lambda: self.now)

    def replace(self, cert_file=None, key_file=None):
        for source, file in ((cert_file, self.cert_file), (key_file, self.key_file)):
            if source:
                shutil.copy(source, file)

    @property
    def key(self):
        """Return the access key with which a request is signed now."""
        return self.credentials.get_frozen_credentials().access_key

    @property
    def credentials(self):
        return self.clients.of(Destination("telemetry")).credentials

    def look(self):
        self.now += FILE_CHECK_SECS

    @property
    def shown(self):
        """Return the serial numbers of the certificates that the server received."""
        return [int(peer["serialNumber"], 16) for _, peer, _, _ in self.server.seen]


def serial(file):
    return x509.load_pem_x509_certificate(file.read_bytes()).serial_number


@pytest.fixture
def edge(serve, authority, tmp_path):
    return Edge(serve(verify=True), authority, tmp_path)


def test_new_certificate_with_a_new_key_is_used_without_a_restart(edge):
    old = serial(edge.cert_file)
    assert edge.key == "AKID1"
    edge.replace(*edge.authority.client("device"))
    edge.look()
    assert edge.key == "AKID2"
    assert edge.shown == [old, serial(edge.cert_file)]


def test_new_certificate_for_the_same_key_is_used_without_a_restart(edge):
    edge.key  # noqa: B018 - the first request
    edge.replace(edge.authority.client("device", of_key=edge.key_file)[0])
    edge.look()
    assert edge.key == "AKID2"
    assert edge.shown[1] == serial(edge.cert_file) != edge.shown[0]


def test_new_certificate_beside_the_old_key_is_reported_and_tried_again(edge, caplog):
    caplog.set_level(logging.WARNING)
    assert edge.key == "AKID1"
    new_cert, new_key = edge.authority.client("device")
    edge.replace(new_cert)
    edge.look()
    assert edge.key == "AKID1", "what is in hand goes on"
    assert len(edge.shown) == 1, "nobody is asked with half of a pair"
    (told,) = caplog.messages
    assert str(edge.cert_file) in told
    assert str(edge.key_file) in told
    assert "PRIVATE" not in told
    edge.replace(None, new_key)
    edge.look()
    assert edge.key == "AKID2"
    assert edge.shown[1] == serial(edge.cert_file)


def test_key_pair_with_one_new_half_is_refused_after_the_expiry(edge):
    end = time.time() + AHEAD_SECS
    edge.server.give = lambda: ("AKIDSHORT", "secret", "token", datetime.fromtimestamp(end, UTC).isoformat())
    assert edge.key == "AKIDSHORT"
    new_cert, new_key = edge.authority.client("device")
    edge.replace(new_cert)
    edge.look()
    steady = edge.credentials._steady
    edge.credentials._steady = lambda: steady() + AHEAD_SECS + 1
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            edge.key  # noqa: B018 - it is what raises
        assert str(edge.key_file) in refused.value.detail
        edge.look()
    edge.replace(None, new_key)
    edge.look()
    assert edge.key == "AKIDSHORT"


def test_refused_certificate_is_reported_and_present_credentials_stay(edge, caplog):
    """Simulate a new certificate that is not yet active in AWS IoT."""
    caplog.set_level(logging.WARNING)
    assert edge.key == "AKID1"
    edge.server.answer = 403, '{"message": "certificate is not active"}'
    edge.replace(*edge.authority.client("device"))
    edge.look()
    assert edge.key == "AKID1"
    assert "certificate is not active" in caplog.text
    edge.server.answer = None
    edge.now += 30
    assert edge.key == "AKID3"


def test_renewal_reads_unchanged_files_again(edge, monkeypatch):
    """This does not depend on checking the files for changes, because each request to AWS IoT reads them."""
    end = time.time() + 2 * AHEAD_SECS
    edge.server.give = lambda: (f"AKID{len(edge.server.seen)}", "s", "t", datetime.fromtimestamp(end, UTC).isoformat())
    assert edge.key == "AKID1"
    edge.replace(*edge.authority.client("device"))
    steady = edge.credentials._steady
    monkeypatch.setattr(edge.credentials, "_steady", lambda: steady() + 2 * AHEAD_SECS - 1)
    edge.server.give = lambda: ("AKIDNEXT", "s", "t", "2099-01-01T00:00:00Z")
    assert edge.key == "AKIDNEXT"
    assert edge.shown[1] == serial(edge.cert_file)
