import ssl

import pytest

from tests.aws.transport.sending import Clock
from tests.harness.certificates import Authority


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def tls(tmp_path_factory):
    """(a server's context for 127.0.0.1, the file of its CA certificate)"""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server())
    return context, str(authority.ca_file)


@pytest.fixture(params=["http", "https"])
def scheme(request, tls):
    """(options of a ScriptedServer, options of a ProgressSession)"""
    context, ca_file = tls
    return ({"tls": context}, {"verify": ca_file}) if request.param == "https" else ({}, {})
