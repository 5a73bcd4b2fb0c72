from bridge.config import Settings, options
from bridge.yaml_files.type_descriptions import Describe, FieldType


def by_name():
    return {option.name: option for option in options()}


def test_option_has_its_name_type_default_and_description():
    assert by_name()["mqtt.keepalive_secs"][1:] == (
        "a whole number from 5 to 65535",
        "30",
        "interval of pings; a dead connection is detected within twice this time",
        False,
    )


def test_secret_options_are_those_with_a_secret_type():
    assert [option.name for option in options() if option.secret] == [
        "mqtt.password",
        "mqtt.tls.key_password",
        "kinesis.authentication.secret_access_key",
        "kinesis.authentication.session_token",
        "kinesis.proxy_url",
        "http.token",
        "http.view_token",
    ]


def test_sizes_are_shown_with_their_units():
    assert by_name()["spool.max_bytes"].default == "2 GiB"


def test_fixed_texts_are_listed():
    assert by_name()["spool.when_full"].type == "'block' or 'drop_oldest'"


def test_required_options_report_so():
    assert [option.name for option in options() if option.default == "required"] == [
        "mqtt.url",
        "mqtt.client_id",
        "kinesis.region",
        "kinesis.authentication.name",
        "kinesis.authentication.command",
        "kinesis.authentication.role_arn",
        "kinesis.authentication.token_file",
        "kinesis.authentication.cert_file",
        "kinesis.authentication.key_file",
        "kinesis.authentication.endpoint",
        "kinesis.authentication.role_alias",
        "kinesis.authentication.trust_anchor_arn",
        "kinesis.authentication.profile_arn",
        "kinesis.manifest.data_stream",
    ]


def test_settings_of_one_authentication_type_name_it():
    assert by_name()["kinesis.authentication.type"].type.startswith("'token', 'ec2_role', 'default'")
    assert by_name()["kinesis.authentication.session_token"].description.startswith("(type: `token`)")
    assert by_name()["kinesis.authentication.cert_file"].description.startswith("(type: `iot` or `roles_anywhere`)")


def test_settings_that_are_those_of_another_option_are_reported_there():
    source = by_name()["kinesis.authentication.source"]
    assert source.default == "default"
    assert source.description.startswith("(type: `assume_role`) credentials that assume the role")
    assert not [name for name in by_name() if name.startswith("kinesis.authentication.source.")]


def test_option_table_has_one_line_for_each_option():
    assert len(by_name()) == len(options())
    for option in options():
        assert option.type, option.name
        assert option.description, option.name
        assert "\n" not in option.description


def test_option_table_contains_every_field_of_the_models():
    def leaves(model, prefix):
        for name, field in model.model_fields.items():
            hint = FieldType.of_field(field)
            whole = any(isinstance(item, Describe) for item in hint.metadata)
            models = [] if whole else [hint.model, *(member.model for member in hint.members)]
            below = [model for model in models if model is not None]
            if not below:
                yield prefix + name
            for section in below:
                yield from leaves(section, f"{prefix}{name}.")

    assert set(leaves(Settings, "")) <= set(by_name())
