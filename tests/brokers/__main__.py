"""Command `python -m tests.brokers [NAME ...]`: run the checks, print them, and write docs/reference/brokers.md.

With names, only the columns of these brokers are written. The exit code is 1 if a check failed.
"""

import sys
import time

from tests.brokers.battery import CHECKS, run
from tests.brokers.catalog import CATALOG
from tests.brokers.table import rows_of, write


def main() -> int:
    wanted = [each.lower() for each in sys.argv[1:]]
    failed = 0
    for kind in CATALOG:
        if wanted and kind.name.lower() not in wanted:
            continue
        if kind.program() is None:
            print(f"{kind.name}: not installed", flush=True)
            continue
        begun, found = time.monotonic(), {}
        for name in CHECKS:
            found |= run(kind, [name])
            print(f"{kind.name}, {time.monotonic() - begun:.0f} s, {name}: {found[name]}", flush=True)
            failed += "FAILED" in found[name]
        write({**rows_of(), kind.name: found})
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
