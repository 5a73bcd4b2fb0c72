"""State, health and metrics of a running bridge.

running_bridge.py      interface of the bridge for the page, the metrics and the health checks
snapshot.py            status of the bridge at one time
snapshot_builder.py    creation of a snapshot from the parts of the bridge
snapshot_timer.py      a snapshot every few seconds, even if no client requests one
flow.py                rates and stalls, measured between snapshots
stream_flow.py         rates and stalls of one stream
problems.py            fields of an active problem, and the state of the bridge that follows from the problems
problem_kinds.py       every kind of problem, with its meaning and advice
problem_rules.py       rules that find the problems in a snapshot
problem_monitor.py     adds flows and problems to each snapshot
problem_history.py     when each problem began; log lines at its beginning and end
problem_text.py        problems as text for all outputs
buffer_time.py         time until the spool is full
link_log.py            links to AWS as text, and log lines about links that limit delivery
configuration.py       options of the running bridge for the page, without secrets
resident_memory.py     memory of the process
start_time.py          start time of the process, correct even if the clock was wrong at the start
merge.py               one snapshot from the snapshots of several workers
merge_links.py         merging of the links to AWS and of the flows
health.py              /healthz and /readyz
prometheus.py          /metrics
metric_definitions.py  every metric, declared once
recording/             curves and events over time
"""
