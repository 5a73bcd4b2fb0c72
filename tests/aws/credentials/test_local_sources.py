import pytest

from bridge.errors import Refused, Unavailable
from tests.aws.credentials.builders import credentials, printing


def test_role_of_an_instance_is_used(metadata):
    assert credentials("ec2_role")[:3] == ("AKIDROLE", "role-secret", "role-token")


def test_role_wins_over_the_environment(metadata, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    assert credentials("ec2_role").access_key == "AKIDROLE"


def test_version_1_of_the_metadata_service_is_never_used(metadata):
    metadata.version_2 = False
    with pytest.raises(Unavailable):
        credentials("ec2_role")


def test_ec2_role_in_a_container_names_the_hop_limit(metadata):
    """The response with the token may pass only one network hop, so it is lost at the second hop."""
    metadata.silent = True
    with pytest.raises(Unavailable) as unavailable:
        credentials("ec2_role")
    assert "--http-put-response-hop-limit 2" in unavailable.value.detail


def test_metadata_service_that_does_not_answer_may_come_back(metadata, monkeypatch):
    metadata.shutdown()
    metadata.server_close()
    with pytest.raises(Unavailable) as unavailable:
        credentials("ec2_role")
    assert "IMDSv2" in unavailable.value.detail


def test_chain_reads_the_environment(bare_machine, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "B")
    assert credentials("default").access_key == "A"


def test_chain_reads_the_shared_file(bare_machine):
    (bare_machine / "credentials").write_text("[default]\naws_access_key_id = F\naws_secret_access_key = G\n")
    assert credentials("default").access_key == "F"


def test_empty_chain_is_refused_with_what_to_do(bare_machine):
    with pytest.raises(Refused) as refused:
        credentials("default")
    assert "AWS_ACCESS_KEY_ID" in refused.value.hint


def test_profile_of_the_shared_files_is_used(bare_machine):
    (bare_machine / "credentials").write_text("[plant]\naws_access_key_id = F\naws_secret_access_key = G\n")
    assert credentials("profile", name="plant").access_key == "F"


def test_profile_wins_over_the_environment(bare_machine, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    (bare_machine / "credentials").write_text("[plant]\naws_access_key_id = F\naws_secret_access_key = G\n")
    assert credentials("profile", name="plant").access_key == "F"


def test_profile_that_is_not_there_is_refused_by_its_name(bare_machine):
    with pytest.raises(Refused) as refused:
        credentials("profile", name="plont")
    assert "plont" in refused.value.detail


def test_profile_may_have_a_process_of_its_own(bare_machine, tmp_path):
    command = printing(tmp_path, {"Version": 1, "AccessKeyId": "P", "SecretAccessKey": "Q"})
    (bare_machine / "config").write_text(f"[profile plant]\ncredential_process = {command}\n")
    assert credentials("profile", name="plant").access_key == "P"
