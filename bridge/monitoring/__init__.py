"""State, health and metrics of a running bridge.

running_bridge.py      what page, metrics and health checks need of the bridge
snapshot.py            the bridge at one moment
snapshot_builder.py    collects a snapshot from the parts
merge.py               snapshots of several workers as one
health.py              /healthz and /readyz
prometheus.py          /metrics
metric_definitions.py  every metric, declared once
"""
