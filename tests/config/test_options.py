from bridge.config import Settings, options
from bridge.documents.expected import Hint


def by_name():
    return {option.name: option for option in options()}


def test_an_option_has_its_name_type_default_and_description():
    assert by_name()["mqtt.keepalive_secs"][1:] == (
        "a whole number from 5 to 65535",
        "30",
        "a dead connection is noticed within twice this",
    )


def test_sizes_are_shown_with_their_units():
    assert by_name()["spool.max_bytes"].default == "2 GiB"


def test_fixed_texts_are_listed():
    assert by_name()["spool.when_full"].type == "'block' or 'drop_oldest'"


def test_required_options_say_so():
    assert [option.name for option in options() if option.default == "required"] == [
        "mqtt.url",
        "mqtt.client_id",
        "kinesis.region",
        "kinesis.authentication.access_key_id",
        "kinesis.authentication.secret_access_key",
    ]


def test_settings_of_one_authentication_type_name_it():
    assert by_name()["kinesis.authentication.type"].type == "'token', 'ec2_role' or 'default'"
    assert by_name()["kinesis.authentication.session_token"].description.startswith("(`type: token`)")


def test_every_option_is_described_on_one_line_with_its_type_and_appears_once():
    assert len(by_name()) == len(options())
    for option in options():
        assert option.type, option.name
        assert option.description, option.name
        assert "\n" not in option.description


def test_no_field_of_the_models_is_left_out():
    def leaves(model, prefix):
        for name, field in model.model_fields.items():
            hint = Hint.of_field(field)
            models = [hint.model, *(member.model for member in hint.members)]
            below = [model for model in models if model is not None]
            if not below:
                yield prefix + name
            for section in below:
                yield from leaves(section, f"{prefix}{name}.")

    assert set(leaves(Settings, "")) <= set(by_name())
