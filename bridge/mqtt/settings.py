"""Settings of the session with the broker: the section `mqtt` of bridge.yaml."""

from __future__ import annotations

import ssl
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from bridge.mqtt.broker_address import ENCRYPTED, BrokerAddress
from bridge.yaml_files import Describe
from bridge.yaml_files.option_types import (
    KIB,
    MAX_MQTT_TEXT_BYTES,
    MIB,
    ExistingFile,
    MqttText,
    Section,
    Size,
    mqtt_text,
    size_between,
)

_SCHEMES = ("mqtt", "mqtts", "ws", "wss")
_URL = "mqtt://host, mqtts://host, ws://host/path or wss://host/path, with :port if it is not the default port"
# Maximum size of an MQTT packet: https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901023
_MAX_PACKET_BYTES = 256 * MIB
# Value of the Session Expiry Interval for a session that never expires (MQTT 5, section 3.1.2.11.2).
_NEVER = 0xFFFF_FFFF


def _broker_url(url: str) -> str:
    """Return the broker URL if it is valid. The ValueError does not quote the URL, which may contain a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        # `from None` hides the original ValueError, which quotes the URL.
        raise ValueError(f"expected {_URL}; the host or port cannot be read") from None
    if "@" in url:
        raise ValueError("credentials do not belong in the URL; use mqtt.username and mqtt.password")
    if parts.scheme not in _SCHEMES or not host or port == 0 or any(character.isspace() for character in url):
        raise ValueError(f"expected {_URL}")
    if parts.query or parts.fragment or (parts.path.strip("/") and not parts.scheme.startswith("ws")):
        raise ValueError(f"expected {_URL}; nothing else may follow the host and port")
    return url


def _share_name(name: str) -> str:
    if not name or any(character in name for character in "/+#"):
        raise ValueError("expected a group name without '/', '+' and '#'")
    return mqtt_text(name)


def _password(password: SecretStr) -> SecretStr:
    if len(password.get_secret_value().encode()) > MAX_MQTT_TEXT_BYTES:
        raise ValueError(f"expected at most {MAX_MQTT_TEXT_BYTES} bytes")
    return password


def _protocol(value: Any) -> Any:
    """Return "5" for the number 5, because `5` without quotes is a number in YAML. Return other values unchanged."""
    return "5" if value == 5 and isinstance(value, int) else value  # noqa: PLR2004 - 5 is the name of a version


BrokerUrl = Annotated[
    str,
    AfterValidator(_broker_url),
    Describe("a URL as mqtts://broker.example:8883"),
    Field(json_schema_extra={"pattern": r"^(mqtts?|wss?)://[^\s@?#]+$", "patternErrorMessage": f"expected {_URL}"}),
]


class TlsSettings(Section):
    """PEM files for mqtts:// and wss://."""

    model_config = ConfigDict(
        json_schema_extra={"dependencies": {"cert_file": ["key_file"], "key_file": ["cert_file"]}}
    )

    ca_file: ExistingFile | None = Field(
        default=None,
        description="CA certificate that signed the broker's certificate; default: the system's CA certificates",
    )
    cert_file: ExistingFile | None = Field(default=None, description="client certificate, for mutual TLS")
    key_file: ExistingFile | None = Field(default=None, description="the private key of `cert_file`")
    key_password: SecretStr | None = Field(default=None, description="the password of `key_file`, if it has one")

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: set both, or neither")
        return self

    def context(self) -> ssl.SSLContext:
        """Return a TLS context with these files.

        Raises OSError (with the file's name) or ssl.SSLError if a file is missing or its content is invalid.
        """
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        if self.ca_file:
            # By default, Python 3.13 checks certificates strictly against RFC 5280, and refuses CA certificates without
            # keyUsage. But `openssl req -x509` creates such certificates, and plants often use them. The signature, the
            # dates and the host name are still verified.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.cert_file:
            # Without a password, OpenSSL would prompt for one on the terminal. An empty password prevents the prompt.
            password = self.key_password.get_secret_value() if self.key_password else ""
            context.load_cert_chain(str(self.cert_file), str(self.key_file) if self.key_file else None, password)
        return context


class MqttSettings(Section):
    """The broker and the session."""

    url: BrokerUrl | Annotated[tuple[BrokerUrl, ...], Field(min_length=1)] = Field(
        description="broker URL: `mqtt://`, `mqtts://` (TLS), `ws://` or `wss://`; "
        "default ports 1883, 8883, 80 and 443; if it is a list, the URLs are tried in turn"
    )
    client_id: Annotated[MqttText, Field(min_length=1)] = Field(
        description="name of the bridge's session at the broker: give each bridge its own ID, and never change it"
    )
    protocol: Annotated[
        Literal["5", "3.1.1"], BeforeValidator(_protocol, json_schema_input_type=Literal["5", "3.1.1", 5])
    ] = Field(default="5", description="MQTT version; falls back to 3.1.1 for a broker that does not support 5")
    username: MqttText | None = Field(default=None, description="broker user name")
    password: Annotated[SecretStr, AfterValidator(_password)] | None = Field(
        default=None,
        description="broker password, best written as `${MQTT_PASSWORD}` or `${file:/run/secrets/mqtt}`",
    )
    keepalive_secs: int = Field(
        default=30,
        ge=5,
        le=65_535,
        description="interval of pings; a dead connection is detected within twice this time",
    )
    session_expiry_secs: int = Field(
        default=604_800,
        ge=1,
        le=_NEVER,
        description=f"time for which the broker queues messages for an absent bridge; {_NEVER}: without limit",
    )
    share: Annotated[str, AfterValidator(_share_name), Describe("text without '/', '+' and '#'")] | None = Field(
        default=None,
        description="name of a shared subscription group: each message goes to only one of the bridges in the group",
    )
    receive_maximum: int = Field(
        default=65_535,
        ge=1,
        le=65_535,
        description="maximum number of unacknowledged messages that an MQTT 5 broker may send",
    )
    max_message_bytes: Annotated[Size, size_between(KIB, _MAX_PACKET_BYTES)] = Field(
        default=10 * MIB,
        ge=KIB,
        le=_MAX_PACKET_BYTES,
        description="maximum size of a message; a larger message is truncated and becomes a dead letter",
    )
    connect_timeout_secs: float = Field(
        default=5,
        ge=0.1,
        le=300,
        description="maximum time for connecting, and then the same time again for the broker's CONNACK",
    )
    reconnect_max_secs: float = Field(
        default=60, ge=1, le=3600, description="maximum pause between two connection attempts"
    )
    overlapping_filters: Literal["join", "separate"] = Field(
        default="join",
        description="for mappings whose topic filters overlap. `join`: the bridge subscribes to one filter that covers "
        "them, so that each message arrives once, but possibly also messages that no mapping uses. `separate`: it "
        "subscribes to each filter, and distinguishes the copies of a message by MQTT 5 subscription identifiers",
    )
    tls: TlsSettings = Field(default=TlsSettings(), description="certificates for `mqtts://` and `wss://`")

    @property
    def urls(self) -> tuple[str, ...]:
        """Broker URLs, in the order in which they are tried."""
        return (self.url,) if isinstance(self.url, str) else self.url

    @property
    def addresses(self) -> tuple[BrokerAddress, ...]:
        """Broker addresses, in the order in which they are tried."""
        return tuple(map(BrokerAddress.parse, self.urls))

    @property
    def version_5(self) -> bool:
        """True if MQTT 5 is tried first."""
        return self.protocol == "5"

    @property
    def persistent(self) -> bool:
        """True if the broker stores the session while this client is not connected.

        The property is always True for the settings in bridge.yaml. It is False for the settings that `temporary`
        returns, which `capture`, `doctor` and a dry run use.
        """
        return self.session_expiry_secs > 0

    @property
    def separate_filters(self) -> bool:
        """True if the bridge subscribes to each of several overlapping filters, and not to one joined filter."""
        return self.overlapping_filters == "separate"

    def temporary(self, suffix: str, share: str | None = None) -> Self:
        """Return the settings of a session that ends with its connection.

        `suffix` is appended to the client ID, because a second client with the bridge's client ID would take over the
        bridge's session.
        """
        changes = {"client_id": self.client_id + suffix, "session_expiry_secs": 0, "share": share}
        return self.model_copy(update=changes)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tls != TlsSettings() and not any(urlsplit(url).scheme in ENCRYPTED for url in self.urls):
            raise ValueError("tls is set, but no URL is encrypted: use mqtts:// or wss://")
        # MQTT 3.1.1, section 3.1.2.9: without a user name flag, the password flag must be 0.
        if self.protocol == "3.1.1" and self.password is not None and self.username is None:
            raise ValueError("MQTT 3.1.1 has no password without a username: set mqtt.username")
        return self
