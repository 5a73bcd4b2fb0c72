"""The MQTT side: the byte stream (`packet_stream`), the session over it (`subscriber`), MQTT 5 properties.

The only folder that imports paho.
"""
