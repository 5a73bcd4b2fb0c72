"""Checks of `doctor` for broker, AWS and disk. Each check returns findings with advice.

    finding.py                   result of a check: text for people, values for programs
    network.py                   names, ports, TLS
    broker/checks.py             opens the sessions with the broker, one after another, and yields the findings
    broker/connection_advice.py  why a broker refuses the connection
    broker/probe_session.py      temporary session: counts messages, and acknowledges them on request
    broker/limit_findings.py     limits that the broker reports: CONNACK, $SYS
    broker/inflight_window.py    measurement of the in-flight window
    broker/retained_messages.py  retained messages, and whether the broker drops any of them
    broker/traffic_sample.py     applies the mappings to a sample of messages, to estimate the bytes for the spool
    broker/publish_probe.py      with --publish: measures in-flight window and queue with test messages
    traffic_rate.py              bytes per second into the spool
    aws.py                       endpoints, identity of the bridge, each stream, the clock
    disk.py                      duration of an fsync, and how long an outage may last until the disk is full
    uplink.py                    bandwidth to Kinesis
    backlog.py                   size of the current backlog, to calculate its delivery time
    check_runner.py              runs all checks in parallel; a check that fails or hangs never stops the others

`doctor` never uses the session of the bridge: the client ID of its own sessions ends with `-doctor`. It publishes
messages only with `--publish`, and sends records only with `--send`.
"""
