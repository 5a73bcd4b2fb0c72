"""The MQTT client. No other package imports paho.

The session, from the outside in:

    subscriber.py             the session: connect, read, acknowledge, reconnect; draining_subscriber.py gives it up
    connection.py             one connection, from CONNECT to its end; connection_end.py: how it ended
    packet_stream.py          PUBLISH and PUBREL packets out of the byte stream; all others for paho
    paho_client.py            paho's client on top of a packet stream
    wake_up.py                ends a wait from another thread
    websocket.py              MQTT in WebSocket frames; wrapped_socket.py: what the byte streams share
    publish_packet.py         encoder of PUBLISH packets with QoS 0
    properties.py             MQTT 5 properties of a PUBLISH

What is known of the broker:

    broker_address.py, settings.py          where it is, and the section `mqtt` of bridge.yaml
    broker_limits.py                        limits in its CONNACK
    protocol_fallback.py                    MQTT 5, or 3.1.1
    session_tracker.py, stored_session.py   its session, over connections and restarts
    lost_guarantees.py                      what it does not grant
    client_id_conflict.py, keepalive.py     another client with the same ID; a dead peer
    publish_guard.py                        brokers that end the session when the bridge publishes
    reason_texts.py, session_status.py      errors in words; the state for status and problems

The subscriptions:

    subscriptions.py           filters that the mappings need, and that the session has
    subscription_exchange.py   SUBSCRIBE and UNSUBSCRIBE of one connection
    suspect_filters.py         filters whose SUBSCRIBE may have ended a connection
    topic_filters.py           overlap of filters, subscription identifiers
"""
