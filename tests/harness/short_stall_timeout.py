"""The bridge with a shorter stall timeout: `python -m tests.harness.short_stall_timeout run --config FILE`.

A thread counts as hanging after 3 s without progress, instead of 30 s.
"""

from bridge.cli import main
from bridge.runtime import service

if __name__ == "__main__":
    service.STALLED_SECS = 3.0
    main()
