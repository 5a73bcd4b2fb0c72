"""The MQTT client: the byte stream (`packet_stream`), the session over it (`subscriber`), MQTT 5 properties.

No other package imports paho.
"""
