"""Every spool is closed with its test: from Python 3.13 on, a database that is left open is a ResourceWarning."""

import contextlib

import pytest

from bridge.errors import BridgeError
from tests.spool.builders import OPENED


@pytest.fixture(autouse=True)
def spools_are_closed():
    yield
    while OPENED:
        with contextlib.suppress(BridgeError, OSError):  # some tests take the folder away
            OPENED.pop().close()
