import pytest

from bridge.web.access.sessions import MAX_SESSIONS, SESSION_SECS, LoginSessions, Role, User

EDITOR, VIEWER = User(Role.EDIT, "Ana"), User(Role.VIEW)


def test_sessions_end_and_are_bounded():
    now = [0.0]
    sessions = LoginSessions({Role.EDIT: "a-token-of-the-plant"}, lambda: now[0])
    first = sessions.begin(EDITOR)
    assert sessions.user_of(first) == EDITOR
    for _ in range(MAX_SESSIONS):
        last = sessions.begin(VIEWER)
    assert sessions.user_of(first) is None
    assert sessions.user_of(last) == VIEWER
    now[0] += SESSION_SECS
    assert sessions.user_of(last) is None


@pytest.mark.parametrize(
    ("token", "role"), [("to-edit", Role.EDIT), ("to-view", Role.VIEW), ("", None), ("\ud800", None)]
)
def test_role_of_is_the_role_of_the_token(token, role):
    assert LoginSessions({Role.VIEW: "to-view", Role.EDIT: "to-edit"}).role_of(token) == role
