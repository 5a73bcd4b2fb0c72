"""Requests of the page's API: their bodies and their numbers."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BridgeError
from bridge.web.requests import (
    MAX_BODY_BYTES,
    MAX_INTEGER,
    RequestError,
    integer_from_json,
    integer_from_text,
    refusal,
    worker_in_body,
    worker_in_query,
)
from tests.web.conftest import OURS


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"mapping": 1, "name": "x"}, 409),
        ({"name": "x"}, 409),
        ({"mapping": "x" * 300_000, "name": "x"}, 409),
        ([], 400),
        ("text", 400),
    ],
)
def test_invalid_request_is_refused_with_a_message(site, body, status):
    answer = site().post("/api/try", json=body, headers=OURS)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_body_without_end_is_refused(site):
    headers = OURS | {"Content-Type": "application/json"}
    assert site().post("/api/try", content=b"[" * 5_000_000, headers=headers).status_code == 413
    assert site().post("/api/try", content=b"{", headers=headers).status_code == 400
    assert site().post("/api/try", content=b"{}", headers=OURS | {"Content-Type": "text/plain"}).status_code == 415


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 409), (MAX_BODY_BYTES + 1, 413)])
def test_body_up_to_the_limit_is_read(site, size, status):
    headers = OURS | {"Content-Type": "application/json"}
    assert site().post("/api/try", content=b"{}" + b" " * (size - 2), headers=headers).status_code == status


@given(st.integers(0, MAX_INTEGER))
def test_integer_from_text_of_any_accepted_integer_is_the_integer(number):
    assert integer_from_text({"n": str(number)}, "n", 5) == number


@pytest.mark.parametrize("text", ["-1", "+1", "1.0", " 1", "1_0", "²", "x", "0x1", str(MAX_INTEGER + 1), "1" * 5_000])
def test_integer_from_text_of_anything_else_is_refused(text):
    with pytest.raises(RequestError, match="n: expected an integer") as caught:
        integer_from_text({"n": text}, "n", 5)
    assert caught.value.status == 400


@pytest.mark.parametrize("query", [{}, {"n": ""}])
def test_integer_from_text_that_is_empty_is_the_default(query):
    assert integer_from_text(query, "n", 5) == 5
    assert worker_in_query(query) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (3.0, 3), (MAX_INTEGER, MAX_INTEGER), (MAX_INTEGER + 1, None), (-1, None), (-0.0, 0), (0.5, None),
     (True, None), ("1", None), (None, None), ([], None), (1e300, None), (float("inf"), None), (float("nan"), None)],
)  # fmt: skip
def test_integer_from_json_accepts_only_numbers_that_can_be_stored(value, expected):
    assert integer_from_json(value) == expected


@pytest.mark.parametrize("value", [True, "1", -1, 1.5, [], {}])
def test_worker_in_body_of_another_type_is_refused(value):
    with pytest.raises(RequestError, match="worker: expected an integer"):
        worker_in_body({"worker": value})


def test_worker_in_body_that_is_missing_or_null_is_none():
    assert (worker_in_body({}), worker_in_body({"worker": None}), worker_in_body({"worker": 0})) == (None, None, 0)


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (RequestError(422, "no", problems=[1]), 422, {"error": "no", "problems": [1]}),
        (BridgeError("busy"), 409, {"error": "busy"}),
        (ZeroDivisionError("x"), 500, {"error": "x"}),
    ],
)
def test_refusal_has_the_status_and_the_reason_of_the_error(error, status, body):
    response = refusal(None, error)
    assert (response.status_code, orjson.loads(response.body)) == (status, body)
