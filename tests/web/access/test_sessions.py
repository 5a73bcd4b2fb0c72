import time

import pytest

from bridge.web.access.sessions import MAX_SESSIONS, SESSION_SECS, LoginSessions, Role, User

EDITOR, VIEWER = User(Role.EDIT, "Ana"), User(Role.VIEW)


def test_sessions_end_and_are_bounded():
    now = [0.0]
    sessions = LoginSessions({Role.EDIT: "a-token-of-the-plant"}, lambda: now[0])
    first = sessions.begin(EDITOR)
    assert sessions.user_of(first) == EDITOR
    for _ in range(MAX_SESSIONS - 1):
        sessions.begin(VIEWER)
    assert sessions.user_of(first) == EDITOR
    last = sessions.begin(VIEWER)
    assert sessions.user_of(first) is None
    assert sessions.user_of(last) == VIEWER
    now[0] += SESSION_SECS
    assert sessions.user_of(last) is None


@pytest.mark.parametrize("step_secs", [2 * SESSION_SECS, -2 * SESSION_SECS], ids=["forward", "back"])
def test_session_continues_while_the_machines_clock_is_set(monkeypatch, step_secs):
    sessions = LoginSessions({Role.EDIT: "a-token-of-the-plant"})
    session, at = sessions.begin(EDITOR), time.time() + step_secs
    monkeypatch.setattr(time, "time", lambda: at)
    assert sessions.user_of(session) == EDITOR
    assert sessions.user_of(sessions.begin(VIEWER)) == VIEWER
    assert sessions.user_of(session) == EDITOR


@pytest.mark.parametrize(
    ("token", "role"), [("to-edit", Role.EDIT), ("to-view", Role.VIEW), ("", None), ("\ud800", None)]
)
def test_role_of_is_the_role_of_the_token(token, role):
    assert LoginSessions({Role.VIEW: "to-view", Role.EDIT: "to-edit"}).role_of(token) == role
