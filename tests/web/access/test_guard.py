import pytest

from tests.web.conftest import TOKEN, VIEW_TOKEN

PAGE = {"X-Mqtt-Kinesis": "page"}
DELETE = {"numbers": []}


def delete(client, token=None):
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return client.post("/api/dead-letters/delete", json=DELETE, headers=PAGE | bearer)


def test_edit_requires_the_token_of_that_role(site):
    client = site(TOKEN, view_token=VIEW_TOKEN)
    assert delete(client).status_code == 401
    viewed = delete(client, VIEW_TOKEN)
    assert (viewed.status_code, viewed.json()) == (403, {"error": "read-only: log in with http.token"})
    assert delete(client, TOKEN).status_code == 200


def test_edit_without_any_token_is_not_possible(site):
    refused = delete(site())
    assert (refused.status_code, refused.json()) == (403, {"error": "read-only: set http.token to edit in the page"})


def test_look_requires_one_of_the_tokens(site):
    client = site(view_token=VIEW_TOKEN)
    assert client.get("/api/status").status_code == 401
    for token, status in ((VIEW_TOKEN, 200), (TOKEN, 401)):
        assert client.get("/api/status", headers={"Authorization": f"Bearer {token}"}).status_code == status


@pytest.mark.parametrize(("token", "role"), [(TOKEN, "edit"), (VIEW_TOKEN, "view")])
def test_session_has_the_role_of_its_token_and_the_given_name(site, token, role):
    client = site(TOKEN, view_token=VIEW_TOKEN)
    client.post("/login", data={"token": token, "name": " Ana\n  Silva "})
    assert client.get("/api/session").json() == {"role": role, "name": "Ana Silva", "login": True}
    assert delete(client).status_code == (200 if role == "edit" else 403)


def test_session_without_a_token_may_view(site):
    assert site().get("/api/session").json() == {"role": "view", "name": "", "login": False}
