"""State, health and metrics of a running bridge.

bridge_protocol.py     what page, metrics and health checks need of the bridge
snapshot.py            the bridge at one moment
snapshot_builder.py    collects a snapshot from the parts
flow.py                data flow between snapshots: rates, stalls, backlogs that grow
problem_rules.py       decides what is a problem; problem_kinds.py declares every kind, problems.py the values
problem_monitor.py     adds flow and problems to snapshots; problem_history.py dates and logs them
problem_text.py        problems in words, for every surface
buffer_time.py         how long the spool lasts
link_log.py            links to AWS in words, and in the log where they limit delivery
snapshot_timer.py      a snapshot every few seconds, whoever looks
start_time.py          when the process started, by a clock that may be set
merge.py               snapshots of several workers as one; merge_links.py their links and flows
health.py              /healthz and /readyz
prometheus.py          /metrics
metric_definitions.py  every metric, declared once
"""
