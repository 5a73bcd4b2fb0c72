"""State, health and metrics of a running bridge.

bridge_protocol.py     the interface of the bridge for page, metrics and health checks
snapshot.py            the bridge at one moment
snapshot_builder.py    collects a snapshot from the parts
flow.py                data flow between snapshots: rates, stalls; stream_flow.py: the same for one stream
problem_rules.py       finds problems; problem_kinds.py declares every kind, problems.py the values
problem_monitor.py     adds flow and problems to snapshots; problem_history.py dates and logs them
problem_text.py        problems in words, for every surface
buffer_time.py         how long the spool lasts
link_log.py            links to AWS in words, and in the log if they limit delivery
snapshot_timer.py      a snapshot every few seconds, even if no client requests one
configuration.py       the configuration for the page, without secrets
resident_memory.py     memory of the process
start_time.py          start time of the process, by a clock that may be set
merge.py               snapshots of several workers as one; merge_links.py their links and flows
health.py              /healthz and /readyz
prometheus.py          /metrics
metric_definitions.py  every metric, declared once
recording/             curves and events over time
"""
