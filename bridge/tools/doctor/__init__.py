"""`doctor`: asks the real world, and says what it found and what to do.

    finding.py                   what a check found: for people, and in numbers for programs
    network.py                   names, ports, TLS
    broker/checks.py             the sessions with the broker, in their order, and what is found in each
    broker/connection_advice.py  why a broker refuses the connection
    broker/probe_session.py      one of these sessions: counts messages, acknowledges on request
    broker/broker_limits.py      limits that the broker reports: CONNACK, $SYS
    broker/inflight_window.py    the in-flight window, measured
    broker/retained.py           retained messages, and whether the broker drops any of them
    broker/traffic_sample.py     the result of the mappings for sampled messages
    broker/publish_probe.py      with --publish: window and queue, measured with messages of its own
    traffic_rate.py              bytes per second into the spool
    aws.py                       endpoints, who the bridge is, each stream, the clock
    disk.py                      how long an fsync takes, and for how many hours of outage there is room
    runner.py                    all of them in parallel: one that fails, or hangs, never stops the others

It uses sessions of its own (`client_id` + `-doctor`), and writes nothing to any topic or stream unless it is told to.
"""
