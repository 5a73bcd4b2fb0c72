import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.mapping.file_models.mapping_spec import MappingSpec
from bridge.payloads import DECODERS
from bridge.yaml_files import validate
from tests.mapping.builders import document

ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/press"
CASE = "tests: [{name: x, topic: t, payload: 1, expect: filtered}]"


def read(text):
    return validate(MappingSpec, document(text))


def problems(text):
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [str(problem).removeprefix("m.yaml:") for problem in caught.value.problems]


def test_mapping_needs_a_topic_and_an_output():
    made = read("topic: a/+\noutputs: [{data_stream: s}]")
    assert (made.qos, made.retained, made.payload, made.each, made.where, made.transform) == (
        1, "take", "json", False, None, None,
    )  # fmt: skip
    assert problems("payload: json") == [
        "1:1: outputs: missing; expected a list",
        "1:1: topic: missing; expected text",
    ]


def test_payload_option_accepts_the_decoders_and_nothing_else():
    for name in DECODERS:
        assert read(f"topic: a\npayload: {name}\noutputs: [{{data_stream: s}}]").payload == name
    (problem,) = problems("topic: a\npayload: jsno\noutputs: [{data_stream: s}]")
    assert problem.endswith("did you mean 'json'?")


@pytest.mark.parametrize("stream", ["a", "A.b_c-1", "x" * 128, ARN, ARN.replace("aws:", "aws-us-gov:")])
def test_stream_is_a_name_or_an_arn(stream):
    assert read(f"topic: a\noutputs: [{{data_stream: '{stream}'}}]").outputs[0].data_stream == stream


@pytest.mark.parametrize("stream", ["", "a b", "x" * 129, "a/b", ARN + "/x", ARN.replace("stream/", ""), "a\\n"])
def test_stream_of_another_form_is_refused(stream):
    (problem,) = problems(f'topic: a\noutputs:\n  - data_stream: "{stream}"')
    assert problem.startswith("3:5: outputs[0].data_stream: ")
    assert "is not the name of a data stream" in problem


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("topic: a/b#", "topic: the level 'b#' mixes a wildcard with text: + and # stand alone in their level"),
        ("topic: 5", "topic: expected text, found 5; put it in quotes"),
        ("qos: 3", "qos: expected 0, 1 or 2, found 3"),
        ("qos: '1'", "qos: expected 0, 1 or 2, found '1'"),
        ("qos: true", "qos: expected 0, 1 or 2, found true or false"),
        ("retained: false", "retained: expected 'take' or 'skip', found false"),
        ("each: yes", "each: expected true or false, found 'yes'; write true"),
        ("where: ''", "where: expected text of at least one character, found ''"),
        ("wehre: a", "wehre: unknown key; did you mean 'where'?"),
    ],
)
def test_wrong_option_is_named_with_what_is_expected(options, problem):
    text = f"{options}\noutputs: [{{data_stream: s}}]" + ("" if options.startswith("topic") else "\ntopic: a")
    assert problems(text) == [f"1:1: {problem}"]


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("partition_key: ''", "outputs[0].partition_key: expected text of 1 to 256 characters, found ''"),
        (
            "partition_key: 3",
            "outputs[0].partition_key: expected text of 1 to 256 characters, found 3; put it in quotes",
        ),
        (
            "partition_key: a, partition_key_from: payload.a",
            "outputs[0]: 'partition_key' and 'partition_key_from' exclude each other: leave one of them out",
        ),
        ("partion_key: a", "outputs[0].partion_key: unknown key; did you mean 'partition_key'?"),
    ],
)
def test_wrong_output_is_named(output, problem):
    (found,) = problems(f"topic: a\noutputs: [{{data_stream: s, {output}}}]")
    assert found.split(": ", 1)[1] == problem


def test_longest_partition_key_is_taken():
    assert read(f"topic: a\noutputs: [{{data_stream: s, partition_key: {'k' * 256}}}]").outputs[0].partition_key


def test_empty_list_of_outputs_is_refused():
    assert problems("topic: a\noutputs: []") == [
        "2:1: outputs: is empty; expected at least one output, such as `- data_stream: NAME`"
    ]


def test_problems_of_a_file_are_reported_together():
    found = problems("topic: ''\nqos: 7\noutputs:\n  - data_stream: a b\n  - {}\nnonsense: 1")
    assert [problem.split(": ")[1] for problem in found] == [
        "topic", "qos", "outputs[0].data_stream", "outputs[1].data_stream", "nonsense",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "instead", "problem"),
    [
        ("topic: t", "topic: t/+", "tests[0].topic: a message's topic has no wildcards"),
        ("payload: 1", "qos: 1", "tests[0]: exactly one of 'payload', 'payload_text', 'payload_base64' is needed"),
        ("payload: 1", "payload: 1, payload_text: a", "payload and payload_text are given"),
        ("payload: 1", "payload_base64: '%'", "tests[0].payload_base64: is not base64"),
        ("payload: 1", "payload: 1, received_at: 2024-01-01", "tests[0].received_at: '2024-01-01' is not a time"),
        ("filtered", "filterd", "did you mean 'filtered'?"),
        ("filtered", "{dead_letter: decoed}", "did you mean 'decode'?"),
        ("filtered", "[{data_stream: s}]", "tests[0].expect[0]: exactly one of 'data', 'data_text', 'data_base64'"),
        ("filtered", "[{data: 1}]", "tests[0].expect[0].data_stream: missing"),
        ("filtered", "[{data_stream: s, dta: 1, data: 1}]", "tests[0].expect[0].dta: unknown key"),
    ],
)
def test_wrong_test_is_named(wrong, instead, problem):
    text = f"topic: t\noutputs: [{{data_stream: s}}]\n{CASE.replace(wrong, instead)}"
    assert any(problem in found for found in problems(text)), problems(text)


def test_null_is_a_payload_and_expected_data():
    text = "topic: t\noutputs: [{data_stream: s}]\n" + CASE.replace("1", "null").replace(
        "filtered", "[{data_stream: s, data: null}]"
    )
    assert read(text).tests[0].expect[0].data is None


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:01.5Z", 1500),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2023-11-14T22:13:20.123Z", 1_700_000_000_123),
    ],
)
def test_time_of_a_test_is_exact_to_the_millisecond(text, milliseconds):
    case = CASE.replace("payload: 1", f"payload: 1, received_at: '{text}'")
    assert read(f"topic: t\noutputs: [{{data_stream: s}}]\n{case}").tests[0].received_at_ms == milliseconds


@pytest.mark.parametrize("header", ["[a, b]", "first_line"])
def test_csv_has_columns_and_defaults(header):
    made = read(f"topic: a\npayload: csv\ncsv: {{header: {header}}}\noutputs: [{{data_stream: s}}]")
    assert (made.csv.delimiter, made.csv.numbers) == (",", True)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("payload: csv", "`payload: csv` and `csv: {header: [...]}` belong together: one of them is missing"),
        ("csv: {header: [a]}", "`payload: csv` and `csv: {header: [...]}` belong together: one of them is missing"),
        ("payload: csv\ncsv: {}", "csv.header: missing; expected a list of the columns' names, or 'first_line'"),
        ("payload: csv\ncsv: {header: first}", "csv.header: expected a list of the columns' names, or 'first_line'"),
        ("payload: csv\ncsv: {header: [a, a]}", "csv.header: expected at least one name, and none of them twice"),
        ("payload: csv\ncsv: {header: []}", "csv.header: expected at least one name, and none of them twice"),
        ("payload: csv\ncsv: {header: [a], delimiter: ', '}", "csv.delimiter: expected one character"),
        ("payload: csv\ncsv: {header: [a], delimeter: ;}", "csv.delimeter: unknown key; did you mean 'delimiter'?"),
        ("compression: gz", "compression: expected 'none', 'gzip', 'zlib', 'deflate', 'zstd' or 'auto', found 'gz'"),
        ("encoding: latin-99", "encoding: unknown encoding 'latin-99'; did you mean 'latin-1'?"),
        ("encoding: 5", "encoding: expected text, found 5"),
        (
            "payload: cbor\nencoding: latin-1",
            "`encoding` is for payloads that are text (csv, json, json_lines, line_protocol, number, text, xml)",
        ),
        ("max_decompressed_bytes: 0", "max_decompressed_bytes: expected a whole number"),
        ("max_decompressed_bytes: 10 MiB", "max_decompressed_bytes: expected a whole number"),
    ],
)
def test_wrong_payload_option_is_named(options, problem):
    (found,) = problems(f"topic: a\noutputs: [{{data_stream: s}}]\n{options}")
    assert problem in found


@given(st.integers(-5, 2**30))
@example(268_435_456)
@example(268_435_457)
def test_decompressed_size_is_set_up_to_256_mib(size):
    text = f"topic: a\nmax_decompressed_bytes: {size}\noutputs: [{{data_stream: s}}]"
    if 1 <= size <= 256 * 1024**2:
        assert read(text).max_decompressed_bytes == size
    else:
        assert "max_decompressed_bytes: expected a whole number from 1 to 268435456" in problems(text)[0]
