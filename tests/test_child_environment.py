from bridge.child_environment import child_environment


def test_child_environment_has_only_what_is_allowed():
    given = {"PATH": "/bin", "LC_ALL": "C", "HTTP_TOKEN": "secret", "AWS_PROFILE": "plant", "VAULT_ADDR": "v"}
    assert child_environment(environment=given) == {"PATH": "/bin", "LC_ALL": "C"}
    assert child_environment({"VAULT_ADDR"}, ("AWS_",), given) == {
        "PATH": "/bin",
        "LC_ALL": "C",
        "AWS_PROFILE": "plant",
        "VAULT_ADDR": "v",
    }
