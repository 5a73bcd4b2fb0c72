import pytest

from bridge.errors import ConfigError
from tests.yaml_files.read import parsed


def problems(text, environ=None, **options):
    with pytest.raises(ConfigError) as caught:
        parsed(text, environ, **options)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "1"),
        ("'${A}'", "1"),
        ("x-${A}-${B}", "x-1-b: 'c' # d"),
        ("${B}", "b: 'c' # d"),
        ("${A:-other}", "1"),
        ("${NONE:-other}", "other"),
        ("${NONE:-}", ""),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY}", ""),
        ("${NONE:-a:-b}", "a:-b"),
        ("$${A}", "${A}"),
        ("$A $ {A} $$", "$A $ {A} $$"),
        ("$$${A}", "$${A}"),
        ("${REFERENCE}", "${A}"),
    ],
)
def test_references_in_values(text, value):
    environ = {"A": "1", "B": "b: 'c' # d", "EMPTY": "", "REFERENCE": "${A}"}
    assert parsed(f"key: {text}", environ).data == {"key": value}


def test_value_of_a_reference_is_always_text():
    assert parsed("[' ${A}', '${B}']", {"A": "[1]", "B": "null"}).data == [" [1]", "null"]


def test_keys_are_left_alone():
    assert parsed("${A}: 1", {}).data == {"${A}": 1}


def test_file_is_read_without_its_last_line_break(tmp_path):
    (tmp_path / "secret").write_text("  a b:'\n")
    (tmp_path / "windows").write_bytes(b"\xef\xbb\xbfc\r\n")
    data = parsed(f"a: ${{file:secret}}\nb: x${{file:{tmp_path}/windows}}", base=tmp_path).data
    assert data == {"a": "  a b:'", "b": "xc"}


def test_reference_to_nothing_is_reported_with_its_position(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff")
    text = "a: ${NONE}\nb:\n  - x ${MISSING} ${file:none}\nc: ${file:.}\nd: ${file:binary}\n"
    assert problems(text, base=tmp_path) == [
        "file.yaml:1:1: a: the environment variable NONE is not set; set it, or write ${NONE:-default}",
        "file.yaml:3:5: b[0]: ${file:none}: no such file",
        "file.yaml:3:5: b[0]: the environment variable MISSING is not set; set it, or write ${MISSING:-default}",
        "file.yaml:4:1: c: ${file:.}: this is a folder; expected a file",
        "file.yaml:5:1: d: ${file:binary}: not UTF-8 text",
    ]


@pytest.mark.parametrize("text", ["${", "${}", "${1}", "${A-b}", "${hunter2", "${file:}", "${A B}"])
def test_malformed_reference_explains_the_form_without_the_value(text):
    assert problems(f"a: '{text}'", {"A": "1"}) == [
        (
            "file.yaml:1:1: a: '${' begins ${NAME}, ${NAME:-default} or ${file:PATH}; "
            "for the two characters themselves write '$${'"
        )
    ]


def test_value_by_alias_is_replaced_once():
    assert parsed("a: &a $${A}\nb: *a", {"A": "1"}).data == {"a": "${A}", "b": "${A}"}


def test_references_that_multiply_are_bounded():
    text = "a: ${A}${A}\n" + "b: ${A}${A}\n".replace("b", "b" * 3)
    assert "references stand for more than 1,048,576 characters" in problems(text, {"A": "x" * 300_000})[0]


def test_secret_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * (64 * 1024 + 1))
    assert "larger than 65,536 bytes" in problems("a: ${file:large}", base=tmp_path)[0]


def test_variable_that_is_no_text_is_a_problem():
    assert problems("a: ${A}", {"A": "\udcff"}) == ["file.yaml:1:1: a: ${A}: not UTF-8 text"]
