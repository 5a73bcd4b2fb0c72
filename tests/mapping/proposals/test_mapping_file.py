import pytest

from bridge.mapping.loading.spec_validation import read_specification
from bridge.mapping.mapping import compile_mapping
from bridge.mapping.proposals.mapping_file import MAX_COMMENT_CHARS, MappingFileText
from bridge.mapping.proposals.mapping_file import test_lines as lines_of_test
from bridge.mapping.proposals.payload_detection import PayloadKind
from bridge.mapping.selftest.runner import run_cases
from tests.mapping.builders import document, message

JSON, TEXT, BYTES = PayloadKind("json"), PayloadKind("text"), PayloadKind("bytes")


def compiled(text):
    return compile_mapping("m", *read_specification(document(str(text))), {})


def options(text):
    return document(str(text)).data


def test_file_has_the_options_in_their_usual_order():
    text = MappingFileText(
        "f/{line}/t",
        JSON,
        "s",
        "Seen: 1",
        "merge(captures, payload)",
        True,
        "payload.a",
        "captures.line",
        ("tests: []",),
    )
    assert str(text) == (
        "# Seen: 1\n"
        'topic: "f/{line}/t"\n'
        "payload: json\n"
        "where: |\n"
        "  payload.a\n"
        "transform: |\n"
        "  merge(captures, payload)\n"
        "each: true\n"
        "outputs:\n"
        "  - data_stream: s\n"
        "    # One key, one shard: what has the same key keeps its order.\n"
        "    partition_key_from: captures.line\n"
        "tests: []\n"
    )


def test_file_without_options_has_only_the_required_ones():
    assert options(MappingFileText("t", JSON, "s", "")) == {
        "topic": "t",
        "payload": "json",
        "outputs": [{"data_stream": "s"}],
    }


@pytest.mark.parametrize(
    ("columns", "delimiter", "csv"),
    [
        (None, ";", {"header": "first_line", "delimiter": ";"}),
        (("a", "b c"), "\t", {"header": ["a", "b c"], "delimiter": "\t"}),
    ],
)
def test_file_for_csv_has_its_header_and_delimiter(columns, delimiter, csv):
    kind = PayloadKind("csv", "gzip", "objects", columns, delimiter)
    found = options(MappingFileText("t", kind, "s", ""))
    assert (found["csv"], found["compression"]) == (csv, "gzip")


@pytest.mark.parametrize("topic", ["a b/#x", "true", "ä/'q'", 'a"b\\', "a\N{LINE SEPARATOR}b", "x: y"])
def test_file_for_any_topic_is_valid_yaml_with_this_topic(topic):
    text = MappingFileText(topic, JSON, "s", f"such as {topic}\nqos: 0")
    assert options(text)["topic"] == topic
    assert "qos" not in options(text)


def test_comment_at_the_beginning_of_a_file_is_cut():
    first = str(MappingFileText("t", JSON, "s", "x" * 1000)).splitlines()[0]
    assert first == f"# {'x' * MAX_COMMENT_CHARS}"


@pytest.mark.parametrize(
    ("file", "payload", "form"),
    [
        (MappingFileText("t", JSON, "s", "", "{v: payload}"), b'{"a": [1, null]}', "payload"),
        (MappingFileText("t", JSON, "s", "", "payload", True, key_from="topic"), b"[1, 2]", "payload"),
        (MappingFileText("t", JSON, "s", "", where="`false`"), b"1", "payload"),
        (MappingFileText("t", TEXT, "s", ""), "é: 'x' # \x85".encode(), "payload_text"),
        (MappingFileText("t", TEXT, "s", ""), b"RUN", "payload_base64"),
        (MappingFileText("t", BYTES, "s", ""), b"\x00\xff", "payload_base64"),
    ],
)
def test_lines_of_an_observed_message_are_a_test_that_passes(file, payload, form):
    mapping, sent = compiled(file), message(payload)
    value = mapping.parts.codec.decode(payload)
    lines = tuple(lines_of_test(mapping, sent, value, form))
    (case,) = run_cases(compiled(str(file) + "\n".join(lines)))
    assert case.passed, case
    assert f"    {form}: " in "\n".join(lines)


def test_lines_of_a_filtered_message_expect_no_record():
    mapping = compiled(MappingFileText("t", JSON, "s", "", where="`false`"))
    assert list(lines_of_test(mapping, message(1), 1, "payload"))[-1] == "    expect: filtered"


def test_lines_of_bytes_as_text_are_an_error():
    mapping = compiled(MappingFileText("t", BYTES, "s", ""))
    with pytest.raises(UnicodeDecodeError):
        list(lines_of_test(mapping, message(b"\xff"), "", "payload_text"))
