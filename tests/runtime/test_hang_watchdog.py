import subprocess
import sys

import pytest

HANGING = """
import logging, re, sys, threading, time
from bridge.runtime import hang_watchdog
from bridge.runtime.hang_watchdog import end_process_on_hang

logging.basicConfig()
hang_watchdog.MAX_BURST_SECS, hang_watchdog._CHECK_SECS = 4.0, 0.1
since = None if sys.argv[1] == "idle" else time.monotonic()
stopping = threading.Event()
watchdog = threading.Thread(target=end_process_on_hang, args=(stopping, lambda: since), daemon=True)
if sys.argv[1] == "keeps the lock at once":
    hang_watchdog.set_timer()
    re.match(r"(a+)+$", "a" * 64 + "b")
watchdog.start()
if sys.argv[1] == "keeps the lock":
    time.sleep(0.2)
    re.match(r"(a+)+$", "a" * 64 + "b")
time.sleep(6 if sys.argv[1] == "idle" else 60)
stopping.set()
watchdog.join()
"""


@pytest.mark.parametrize(
    ("case", "code", "report"),
    [
        ("idle", 0, ""),
        ("hangs", 70, "has not returned for"),
        ("keeps the lock", 1, "Timeout (0:00:04)!"),
        ("keeps the lock at once", 1, "Timeout (0:00:04)!"),
    ],
)
def test_watchdog_ends_a_process_that_hangs_and_no_other(case, code, report):
    ended = subprocess.run(
        [sys.executable, "-c", HANGING, case], stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    assert ended.returncode == code
    assert report in ended.stderr
