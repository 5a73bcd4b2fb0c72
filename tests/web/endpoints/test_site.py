"""Endpoints of the page's files and the login."""

import pytest

from bridge.web.endpoints.site import MAX_FORM_BYTES, MAX_NAME_CHARS
from tests.web.conftest import TOKEN, VIEW_TOKEN


def test_page_without_a_session_is_the_login_form(site):
    client = site(TOKEN)
    assert 'name="token"' in client.get("/").text
    client.post("/login", data={"token": TOKEN})
    assert 'name="token"' not in client.get("/").text


def test_page_on_this_machine_without_a_token_needs_no_login(site):
    assert 'src="/static/main.js"' in site().get("/").text


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("main.js", "text/javascript"),
        ("page.css", "text/css"),
        ("vendor/uplot.js", "text/javascript"),
    ],
)
def test_static_file_has_its_media_type(site, name, media_type):
    response = site(TOKEN).get(f"/static/{name}")
    assert (response.status_code, response.headers["content-type"].partition(";")[0]) == (200, media_type)


@pytest.mark.parametrize(
    "name", ["vendor/codemirror.LICENSE.txt", "vendor", "vendor/", "", "../settings.py", "MAIN.JS"]
)
def test_static_file_of_another_kind_is_not_served(site, name):
    assert site().get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize("extra", [0, 1])
def test_login_form_beyond_its_limit_is_refused(site, extra):
    head = f"token={TOKEN}&name="
    form = head + "x" * (MAX_FORM_BYTES - len(head) + extra)
    response = site(TOKEN).post("/login", content=form, follow_redirects=False)
    assert response.status_code == (413 if extra else 303)


def test_login_name_is_one_short_line(site):
    client = site(TOKEN)
    client.post("/login", data={"token": TOKEN, "name": "a\r\n\tb " + "c" * 200})
    name = client.get("/api/session").json()["name"]
    assert (name[:5], len(name)) == ("a b c", MAX_NAME_CHARS)


@pytest.mark.parametrize(
    "form", [b"", b"token", b"token=", b"\xff\xfe", b"token=%ff", b"TOKEN=" + TOKEN.encode(), b"&" * 500]
)
def test_login_with_a_form_without_the_token_is_refused(site, monkeypatch, form):
    monkeypatch.setattr("bridge.web.access.guard.WRONG_TOKEN_SECS", 0.0)
    response = site(TOKEN).post("/login", content=form)
    assert "Invalid token" in response.text
    assert not response.cookies


def test_logout_ends_only_its_own_session(site):
    one, other = site(TOKEN), site(TOKEN)
    for client in (one, other):
        client.post("/login", data={"token": TOKEN})
    assert one.post("/logout", follow_redirects=False).status_code == 303
    assert (one.get("/api/session").status_code, other.get("/api/session").status_code) == (401, 200)


@pytest.mark.parametrize(("token", "role"), [(TOKEN, "edit"), (VIEW_TOKEN, "view")])
def test_session_of_a_bearer_token_has_no_name(site, token, role):
    client = site(TOKEN, view_token=VIEW_TOKEN)
    found = client.get("/api/session", headers={"Authorization": f"Bearer {token}"}).json()
    assert found == {"role": role, "name": "", "login": True}


@pytest.mark.parametrize(("url", "secure"), [("http://127.0.0.1:8080", False), ("https://127.0.0.1:8080", True)])
def test_login_cookie_is_secure_only_with_https(site, url, secure):
    response = site(TOKEN, url=url).post("/login", data={"token": TOKEN}, follow_redirects=False)
    assert ("secure" in response.headers["set-cookie"].lower()) == secure
