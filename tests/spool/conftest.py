"""Every spool is closed at the end of its test.

Otherwise, Python 3.13 reports a ResourceWarning for the open database.
"""

import contextlib

import pytest

from bridge.errors import BridgeError
from tests.spool.builders import OPENED


@pytest.fixture(autouse=True)
def spools_are_closed():
    yield
    while OPENED:
        with contextlib.suppress(BridgeError, OSError):  # some tests remove the folder
            OPENED.pop().close()
