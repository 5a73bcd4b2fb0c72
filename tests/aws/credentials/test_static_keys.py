import pytest

from bridge.errors import Refused
from tests.aws.credentials.builders import credentials


def files(folder):
    """Settings that name files with an access key."""
    for name, value in (("access_key_id", "A"), ("secret_access_key", "B\n")):
        (folder / name).write_text(value)
    return {f"{name}_file": str(folder / name) for name in ("access_key_id", "secret_access_key")}


def test_token_is_taken_as_it_is():
    assert credentials("token", access_key_id="A", secret_access_key="B")[:3] == ("A", "B", None)
    assert credentials("token", access_key_id="A", secret_access_key="B", session_token="C")[:3] == ("A", "B", "C")


def test_token_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    assert credentials("token", access_key_id="A", secret_access_key="B").access_key == "A"


def test_token_may_stand_in_files(tmp_path):
    assert credentials("token", **files(tmp_path))[:3] == ("A", "B", None)


@pytest.mark.parametrize(("write", "words"), [(None, "cannot be read"), ("\n", "is empty"), (b"\xff", "not UTF-8")])
def test_file_that_holds_no_value_is_named(tmp_path, write, words):
    settings = files(tmp_path)
    file = tmp_path / "secret_access_key"
    file.unlink()
    if write is not None:
        file.write_bytes(write if isinstance(write, bytes) else write.encode())
    with pytest.raises(Refused) as refused:
        credentials("token", **settings)
    assert words in refused.value.detail
    assert str(file) in refused.value.detail
