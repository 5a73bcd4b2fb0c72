import logging
import threading
from datetime import UTC, datetime

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import EndpointConnectionError

from bridge.aws.credentials.renewed_credentials import (
    AHEAD_SECS,
    RENEWAL_RETRY_SECS,
    FetchedCredentials,
    RenewedCredentials,
    WrappedCredentials,
    epoch_secs,
)
from bridge.errors import Refused, SendError, Unavailable


class Given:
    """Source of the credentials A1, A2, ..., which are valid for `life` seconds of the simulated clock.

    It can also fail.
    """

    def __init__(self, life=3600.0):
        self.now, self.life, self.asked, self.fails = 1_000_000.0, life, 0, None
        self.set_by = 0.0
        self.credentials = RenewedCredentials("iot", self.fetch, lambda: self.now + self.set_by, lambda: self.now)

    def fetch(self):
        self.asked += 1
        if self.fails:
            raise self.fails
        return FetchedCredentials(
            f"A{self.asked}", "secret", "token", None if self.life is None else self.now + self.set_by + self.life
        )

    @property
    def key(self):
        return self.credentials.get_frozen_credentials().access_key


def test_credentials_are_fetched_once_and_stored():
    given = Given()
    assert [given.key for _ in range(3)] == ["A1", "A1", "A1"]


def test_credentials_are_renewed_before_they_expire():
    given = Given()
    assert given.key == "A1"
    given.now += 3600 - AHEAD_SECS + 1
    assert given.key == "A2"


def test_short_life_is_not_spent_on_renewing():
    given = Given(life=900.0)
    assert given.key == "A1"
    given.now += 600
    assert given.key == "A1"
    given.now += 100
    assert given.key == "A2"


@pytest.mark.parametrize("step", [30 * 86_400, -30 * 86_400])
def test_clock_that_is_set_changes_nothing_about_the_renewal(step):
    given = Given()
    assert given.key == "A1"
    given.set_by += step
    assert given.key == "A1"
    given.now += 3600 - AHEAD_SECS - 1
    assert given.key == "A1"
    given.now += 2
    assert given.key == "A2"


def test_credentials_without_expiry_are_never_renewed():
    given = Given(life=None)
    assert given.key == "A1"
    given.now += 1e9
    assert given.key == "A1"
    assert not given.credentials.renewable


def test_renewal_that_fails_leaves_current_credentials_until_they_expire(caplog):
    caplog.set_level(logging.WARNING)
    given = Given()
    assert given.key == "A1"
    given.fails = Unavailable("Network", "no route")
    given.now += 3000
    assert given.key == "A1"
    assert given.key == "A1"
    assert given.asked == 2, "and not more than twice a minute"
    assert "no route" in caplog.text
    given.now += RENEWAL_RETRY_SECS
    assert given.key == "A1"
    assert given.asked == 3
    given.now += 1000
    with pytest.raises(Unavailable) as unavailable:
        _ = given.key
    assert "type: iot" in unavailable.value.detail
    given.fails = None
    assert given.key == "A5"


def test_new_credentials_that_have_expired_point_to_the_clock():
    given = Given(life=-600.0)
    with pytest.raises(Refused) as refused:
        _ = given.key
    assert "clock" in refused.value.hint


def test_new_but_expired_credentials_are_fetched_again_after_a_clock_fix():
    given = Given(life=-600.0)
    for _ in range(2):
        with pytest.raises(Refused):
            _ = given.key
    given.life = 3600.0
    assert given.key == "A3"


def test_renewal_by_one_thread_leaves_others_the_current_credentials():
    given = Given()
    assert given.key == "A1"
    given.now += 3000
    asked, answer = threading.Event(), threading.Event()
    fetch = given.credentials._fetch

    def slow():
        asked.set()
        answer.wait(10)
        return fetch()

    given.credentials._fetch = slow
    renewing = threading.Thread(target=lambda: given.key)
    renewing.start()
    assert asked.wait(10)
    assert given.key == "A1"
    answer.set()
    renewing.join()
    assert given.key == "A2"


def test_exceptions_of_botocore_become_the_bridges_own():
    class Failing:
        def get_frozen_credentials(self):
            raise self.error

    failing = Failing()
    guarded = WrappedCredentials("default", failing)
    failing.error = EndpointConnectionError(endpoint_url="http://sts")
    with pytest.raises(Unavailable):
        guarded.get_frozen_credentials()
    failing.error = RuntimeError("refreshed credentials are still expired")
    with pytest.raises(Refused) as refused:
        guarded.get_frozen_credentials()
    assert "clock" in refused.value.hint


def test_times_are_read_with_and_without_their_zone():
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert epoch_secs("2026-01-02T03:04:05Z") == epoch_secs(moment) == epoch_secs(moment.replace(tzinfo=None))
    assert epoch_secs(None) is None


def test_repr_shows_no_credentials():
    assert "hunter2" not in repr(FetchedCredentials("A", "hunter2", "hunter2"))


@pytest.mark.parametrize("token", [False, 0, [], {}, b""])
def test_token_that_is_no_text_is_an_error(token):
    # botocore does not check the responses of metadata services.
    guarded = WrappedCredentials("default", Credentials("AKIA", "secret", token))
    with pytest.raises(SendError, match="not credentials"):
        guarded.get_frozen_credentials()


def test_empty_token_is_none():
    guarded = WrappedCredentials("default", Credentials("AKIA", "secret", ""))
    assert guarded.get_frozen_credentials().access_key == "AKIA"
