"""The bridge with a shorter stall timeout: `python -m tests.harness.short_stall_timeout run --config FILE`.

After three seconds without a step, and not thirty, a thread is said to hang.
"""

from bridge.cli import main
from bridge.runtime import service

if __name__ == "__main__":
    service.STALLED_SECS = 3.0
    main()
