"""The settings of `bridge.yaml`: every option with its type, range, default and description.

settings.py            all sections, and the functions that load the file
kinesis.py             section `kinesis`; other sections are beside the components that they configure
authentication.py      types of `kinesis.authentication`
option_table.py        all options, for the documentation and `init`
effective_options.py   the values in use and their origin, for the status page
fingerprint.py         a short digest of the options, which shows whether two bridges have the same configuration
"""

from bridge.config.authentication import Authentication, Default, Ec2Role, Token
from bridge.config.fingerprint import fingerprint
from bridge.config.kinesis import KinesisSettings
from bridge.config.option_table import Option, options
from bridge.config.settings import LocalSettings, LogSettings, Settings, load_local_settings, load_settings
from bridge.mqtt.settings import MqttSettings, TlsSettings

__all__ = [
    "Authentication",
    "Default",
    "Ec2Role",
    "KinesisSettings",
    "LocalSettings",
    "LogSettings",
    "MqttSettings",
    "Option",
    "Settings",
    "TlsSettings",
    "Token",
    "fingerprint",
    "load_local_settings",
    "load_settings",
    "options",
]
