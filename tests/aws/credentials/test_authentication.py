from pathlib import Path

import pytest

from bridge.aws.credentials import AUTHENTICATION, Authentication


@pytest.mark.parametrize("type_", AUTHENTICATION)
def test_repr_of_authentication_shows_no_settings(type_):
    source = Authentication("token", {"secret_access_key": "hunter2"})
    assert "hunter2" not in repr(Authentication(type_, {"secret_access_key": "hunter2"}, source))


def test_files_of_a_type_and_of_its_source_are_known():
    source = Authentication("token", {"access_key_id_file": "/k/id", "secret_access_key_file": "/k/secret"})
    assert Authentication("assume_role", {"role_arn": "r"}, source).files == (Path("/k/id"), Path("/k/secret"))


def test_shared_files_belong_to_profiles(monkeypatch):
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/shared/credentials")
    assert Path("/shared/credentials") in Authentication("profile", {"name": "plant"}).files
    assert Authentication("ec2_role").files == ()


def test_files_are_the_settings_that_name_a_file(monkeypatch):
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/shared/credentials")
    settings = {"cert_file": "/c", "key_file": "/k", "endpoint": "e", "file": "/no", "duration_secs": 1}
    assert Authentication("iot", settings).files == (Path("/c"), Path("/k"))
    assert Path("/shared/credentials") in Authentication("assume_role", {}, Authentication()).files
