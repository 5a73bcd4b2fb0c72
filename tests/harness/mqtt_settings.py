"""Settings of an MQTT session that bridge.yaml does not permit, such as very short times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from bridge.mqtt.settings import MqttSettings, TlsSettings

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.mqtt.broker_address import BrokerAddress


def mqtt_settings(
    *addresses: BrokerAddress,
    client_id: str = "press-shop",
    version_5: bool = True,
    persistent: bool = True,
    password: str | None = None,
    **options: Any,
) -> MqttSettings:
    """Return settings for brokers at these addresses; `options` are fields of MqttSettings."""
    if not persistent:
        options["session_expiry_secs"] = 0
    return MqttSettings.model_construct(
        url=tuple(map(str, addresses)),
        client_id=client_id,
        protocol="5" if version_5 else "3.1.1",
        password=None if password is None else SecretStr(password),
        **options,
    )


def tls_files(ca_file: Path | None = None, cert_file: Path | None = None, key_file: Path | None = None) -> TlsSettings:
    """Return TLS settings with these files, which do not have to exist."""
    return TlsSettings.model_construct(ca_file=ca_file, cert_file=cert_file, key_file=key_file)
