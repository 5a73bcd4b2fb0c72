"""The bridge with shorter time limits: `python -m tests.harness.short_outage run --config FILE`.

A stream that accepts nothing, or a missing session, is an error after 3 s instead of 30 s. The bridge examines its
state twice a second. A problem has ended when it was absent for a second.
"""

from bridge.cli import main
from bridge.monitoring import problem_history, problem_rules, snapshot_timer

if __name__ == "__main__":
    vars(problem_rules).update(STALLED_SECS=3.0, OUTAGE_SECS=3.0)
    vars(snapshot_timer).update(EVERY_SECS=0.5)
    vars(problem_history).update(ABSENT_SECS=1.0)
    main()
