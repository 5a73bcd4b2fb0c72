import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError
from bridge.timestamps import rfc3339
from bridge.web import job_requests
from bridge.web.job_requests import mapping_and_name, messages, trial


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


@given(st.integers(0, 60), st.integers(1, 60))
def test_messages_of_a_preview_are_limited(count, limit):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(job_requests, "MAX_MESSAGES", limit)
        if count <= limit:
            assert messages({"messages": [{"topic": "t"}] * count}) == [{"topic": "t"}] * count
        else:
            with pytest.raises(BridgeError, match=f"at most {limit} messages"):
                messages({"messages": [{"topic": "t"}] * count})


@given(st.sampled_from(["payload", "payload_base64"]), st.integers(0, 15), st.integers(1, 60))
def test_payload_of_a_trial_is_limited(field, quarter, limit):
    asked = {"mapping": "m", "name": "n", "topic": "t", field: "A" * 4 * quarter}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(job_requests, "MAX_PAYLOAD_CHARS", limit)
        if 4 * quarter <= limit:
            assert trial(asked) == asked
        else:
            with pytest.raises(BridgeError, match=f"a payload has at most {limit} characters"):
                trial(asked)


@given(st.integers(1, 60), st.integers(1, 60))
def test_mapping_of_a_trial_is_limited(characters, limit):
    asked = {"mapping": "m" * characters, "name": "n"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(job_requests, "MAX_MAPPING_CHARS", limit)
        if characters <= limit:
            assert mapping_and_name(asked) == asked
        else:
            with pytest.raises(BridgeError, match=f"a mapping has at most {limit} characters"):
                mapping_and_name(asked)
