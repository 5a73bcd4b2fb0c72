"""Checks of `doctor` for broker, AWS and disk. Each check returns findings with advice.

    finding.py                   result of a check: for people, and in numbers for programs
    network.py                   names, ports, TLS
    broker/checks.py             the sessions with the broker, in their order, and the findings of each
    broker/connection_advice.py  why a broker refuses the connection
    broker/probe_session.py      one of these sessions: counts messages, and acknowledges them on request
    broker/limit_findings.py     limits that the broker reports: CONNACK, $SYS
    broker/inflight_window.py    measurement of the in-flight window
    broker/retained_messages.py  retained messages, and whether the broker drops any of them
    broker/traffic_sample.py     retained messages and spool bytes that the mappings make of sampled messages
    broker/publish_probe.py      with --publish: in-flight window and queue, measured with test messages
    traffic_rate.py              bytes per second into the spool
    aws.py                       endpoints, identity of the bridge, each stream, the clock
    disk.py                      duration of an fsync, and the length of an outage that the disk can buffer
    uplink.py                    bandwidth to Kinesis
    backlog.py                   size of the current backlog, to calculate its delivery time
    check_runner.py              runs all checks in parallel; a check that fails or hangs never stops the others

`doctor` uses separate sessions, whose client ID ends with `-doctor`. It publishes messages only with `--publish`, and
sends records only with `--send`.
"""
