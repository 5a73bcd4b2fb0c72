"""The MQTT side: the byte stream (`wire`), the session over it (`subscriber`), MQTT 5 properties, a small publisher.

The only folder that imports paho.
"""
