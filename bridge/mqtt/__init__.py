"""The MQTT client. No other package imports paho.

Connection to the broker (other packages use mainly the first two modules):

    subscriber.py            the session: connect, read, acknowledge, reconnect
    draining_subscriber.py   a subscriber that receives the queued messages, and then ends its session
    connection.py            one connection, from CONNECT until it ends
    connection_errors.py     errors that end a connection
    paho_client.py           paho's client, which reads from a packet stream instead of a socket
    packet_stream.py         parses PUBLISH and PUBREL packets, and passes all other packets to paho
    websocket.py             MQTT in WebSocket frames
    byte_stream.py           base class of packet stream and WebSocket
    wakeup_socket.py         lets other threads end a wait for a socket
    publish_packet.py        encodes PUBLISH packets with QoS 0
    properties.py            parses the MQTT 5 properties of a PUBLISH
    keepalive.py             pings, and detection of a dead peer

Knowledge about the broker:

    settings.py, broker_address.py   section `mqtt` of bridge.yaml, and the address of a broker
    broker_limits.py                 limits that the broker reports in its CONNACK
    protocol_fallback.py             choice of MQTT 5 or 3.1.1
    broker_session.py                state of the broker's session across connections
    stored_session.py                record of the broker's session that is stored on disk
    session_status.py                state of the session at one time, for `status`
    lost_guarantees.py               guarantees that the broker does not grant
    client_id_conflict.py            detection of another client with the same client ID
    publish_guard.py                 protection against brokers that end the session when the bridge publishes
    reason_texts.py                  texts for refusals and errors, with advice

The subscriptions:

    subscriptions.py           filters that the mappings need, and filters that the session contains
    subscription_exchange.py   SUBSCRIBE and UNSUBSCRIBE packets of one connection
    suspect_filters.py         filters whose SUBSCRIBE may have ended a connection
    topic_filters.py           overlap of two filters, and subscription identifiers
"""
