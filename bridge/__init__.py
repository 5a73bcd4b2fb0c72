"""An MQTT to Amazon Kinesis Data Streams bridge that loses nothing and can prove it."""

__version__ = "0.1.0"
