"""The bridge with shorter time limits: `python -m tests.harness.short_outage run --config FILE`.

A stream that accepts nothing, and a session that is away, are errors after three seconds and not thirty; the bridge
looks twice a second, and a problem that is absent for a second has ended.
"""

from bridge.cli import main
from bridge.monitoring import problem_history, problem_rules, snapshot_timer

if __name__ == "__main__":
    vars(problem_rules).update(STALLED_SECS=3.0, OUTAGE_SECS=3.0)
    vars(snapshot_timer).update(EVERY_SECS=0.5)
    vars(problem_history).update(ABSENT_SECS=1.0)
    main()
