import pytest

from bridge.errors import BridgeError
from bridge.timestamps import rfc3339
from bridge.web.job_requests import messages


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-01-31T12:00:00+01:00", "2026-01-31T11:00:00.000Z"),
        ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999Z"),
        ("0001-01-01T00:00:00+23:59", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_time_of_a_message_is_one_that_can_be_shown(at, shown):
    [message] = messages({"messages": [{"topic": "t", "at": at}]})
    assert rfc3339(message["at_ms"]) == shown


def test_time_of_a_message_that_is_none_is_refused():
    with pytest.raises(BridgeError, match="expected a time"):
        messages({"messages": [{"topic": "t", "at": "yesterday"}]})
