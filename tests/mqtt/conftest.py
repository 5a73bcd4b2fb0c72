import logging

import pytest


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING, "bridge")
    return lambda: [record.getMessage() for record in caplog.records]
