"""Address of a broker. Its text identifies the broker in the record of the session, so it must be unambiguous."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mqtt.broker_address import BrokerAddress

HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True) | st.ip_addresses().map(str)


@given(st.sampled_from(["mqtt", "mqtts", "ws", "wss"]), HOSTS, st.integers(1, 65_535), st.sampled_from(["", "/mqtt"]))
def test_address_parsed_from_its_own_text_is_equal(scheme, host, port, path):
    address = BrokerAddress(scheme, host, port, path)
    assert BrokerAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    ("url", "text", "authority", "encrypted", "websocket"),
    [
        ("mqtt://h", "mqtt://h:1883", "h", False, False),
        ("MQTTS://H", "mqtts://h:8883", "h", True, False),
        ("ws://h/mqtt", "ws://h:80/mqtt", "h", False, True),
        ("wss://h:8443", "wss://h:8443", "h:8443", True, True),
        ("ws://[::1]:80/", "ws://[::1]:80/", "[::1]", False, True),
        ("wss://[2001:db8::1]:9001", "wss://[2001:db8::1]:9001", "[2001:db8::1]:9001", True, True),
        # Port 443 is the default of wss, not of ws.
        ("ws://h:443", "ws://h:443", "h:443", False, True),
    ],
)
def test_address_has_the_default_port_and_brackets(url, text, authority, encrypted, websocket):
    address = BrokerAddress.parse(url)
    assert (str(address), address.authority) == (text, authority)
    assert (address.encrypted, address.websocket) == (encrypted, websocket)


@pytest.mark.parametrize("url", ["", "h:1883", "http://h", "mqtt://", "mqtt://:1883", "mqtt://h:65536", "mqtt://[::1"])
def test_address_without_a_host_or_known_scheme_is_refused(url):
    with pytest.raises(ValueError, match=r"."):
        BrokerAddress.parse(url)
