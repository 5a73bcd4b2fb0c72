"""The settings of `bridge.yaml`: every option, its type, range, default and description, in one place."""

from bridge.config.authentication import Authentication, Default, Ec2Role, Token
from bridge.config.fingerprint import fingerprint
from bridge.config.kinesis import KinesisSettings
from bridge.config.mqtt import MqttSettings, TlsSettings
from bridge.config.options import Option, options
from bridge.config.settings import HttpSettings, LogSettings, Settings, SpoolSettings, load_settings

__all__ = [
    "Authentication",
    "Default",
    "Ec2Role",
    "HttpSettings",
    "KinesisSettings",
    "LogSettings",
    "MqttSettings",
    "Option",
    "Settings",
    "SpoolSettings",
    "TlsSettings",
    "Token",
    "fingerprint",
    "load_settings",
    "options",
]
