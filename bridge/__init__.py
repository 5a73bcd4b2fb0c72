"""An MQTT to Amazon Kinesis Data Streams bridge that loses no message and can prove it."""

__version__ = "0.1.0"
