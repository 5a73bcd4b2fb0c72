"""Cost of a call as the number of Python lines that it runs, which does not depend on the speed of the machine."""

import sys


def lines_run(call) -> int:
    """Return the number of Python lines that this thread runs until `call` returns."""
    count = 0

    def count_line(_frame, event, _argument):
        nonlocal count
        count += event == "line"
        return count_line

    before = sys.gettrace()
    sys.settrace(count_line)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
