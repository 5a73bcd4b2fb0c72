"""The bridge as it is, but for its patience: `python -m tests.rig.impatient run --config FILE`.

After three seconds without a step, and not thirty, a thread is said to hang.
"""

from bridge import service
from bridge.cli import main

if __name__ == "__main__":
    service.STALLED_SECS = 3.0
    main()
