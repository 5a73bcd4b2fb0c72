"""A folder of mapping files with typical errors, and the exact text of each error, with line and column.

`expected.txt` has a file's problems in the order they are reported, without the lines that show an expression. After a
change of words: `python -m tests.mapping.test_broken` writes it again, to be read before it is committed.
"""

from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.mapping.loading.mapping_loader import load_file
from bridge.mapping.loading.resources import load_resources

FOLDER = Path(__file__).parent / "broken"
EXPECTED = FOLDER / "expected.txt"
RESOURCES = load_resources(FOLDER, shown_as="broken").resources
WELL = "topic: a/b\noutputs:\n  - data_stream: s\n"


def told(file):
    try:
        load_file(file, {}, RESOURCES, shown_as=file.name)
    except ConfigError as error:
        return [str(problem).split("\n")[0] for problem in error.problems]
    return [f"{file.name}: loads"]


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_broken_file_is_reported_of_exactly(file):
    expected = [line for line in EXPECTED.read_text().splitlines() if line.startswith(f"{file.name}:")]
    assert told(file) == expected
    assert expected


def test_broken_files_and_expectations_belong_together():
    named = {line.split(":")[0] for line in EXPECTED.read_text().splitlines()}
    assert named == {file.name for file in FOLDER.glob("*.yaml")}


@pytest.mark.parametrize(("raw", "expected"), [
    (b"\xef\xbb\xbf" + WELL.encode() + b"qos: 3\n", ":4:1: qos: expected 0, 1 or 2, found 3"),
    (WELL.replace("\n", "\r\n").encode() + b"transform: |\r\n  { a: payload.x,\r\n    b: nope(payload) }\r\n",
     ":6:8: transform: unknown function nope(); 'mqtt-kinesis functions' lists all"),
    (WELL.replace("\n", "\r").encode() + b"qos: 3\r", ":4:1: qos: expected 0, 1 or 2, found 3"),
    (WELL.encode() + "where: payload.x == 'é'".encode("latin-1"),
     ":4:22: not UTF-8: byte 0xe9; save the file as UTF-8"),
    (WELL.encode("utf-16"), ":1:1: not UTF-8 (it looks like UTF-16): byte 0xff; save the file as UTF-8"),
    (WELL.encode() + b"where: 'a\0b'", ":4:10: the character U+0000 is not allowed in YAML"),
    (b"", ": the file is empty: nothing is set in it"), (b" \n\n", ": the file is empty: nothing is set in it"),
    (b"---\n", ": the file is empty: nothing is set in it"),
    (WELL.encode() + b"#" * 1_100_000, ": larger than 1,048,576 bytes, the limit for such a file"),
    (b"topic: " + b"[" * 100 + b"]" * 100, ":1:71: nested deeper than 64 levels"),
    (WELL.encode() + b"where: '" + b"!" * 500 + b"payload'",
     ":4:9: where: the expression is nested too deeply"),
    (b"topic: " + b"x" * 70_000 + b"\noutputs: [{data_stream: s}]",
     ":1:1: topic: is 70000 bytes long; MQTT allows 65535"),
    (WELL.encode() + b"    partition_key: " + b"k" * 257,
     ":4:5: outputs[0].partition_key: expected text of 1 to 256 characters, found '" + "k" * 59
     + "\N{HORIZONTAL ELLIPSIS} (257 characters)"),
])  # fmt: skip
def test_broken_file_of_odd_bytes_is_reported_of_exactly(tmp_path, raw, expected):
    (tmp_path / "m.yaml").write_bytes(raw)
    assert told(tmp_path / "m.yaml") == [f"m.yaml{expected}"]


@pytest.mark.parametrize(("more", "expected"), [
    ("on: true", "m.yaml:4:1: on: unknown key"), ("5: x", "m.yaml:4:1: 5: unknown key"),
    ("payload: xmll", "m.yaml:4:1: payload: expected 'json', "),
])  # fmt: skip
def test_unknown_name_is_reported_with_the_known_ones(tmp_path, more, expected):
    (tmp_path / "m.yaml").write_text(WELL + more)
    (problem,) = told(tmp_path / "m.yaml")
    assert problem.startswith(expected)


def test_bomb_of_aliases_is_refused_at_once(tmp_path):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]" for n in range(20)]
    (tmp_path / "m.yaml").write_text("\n".join(lines))
    (problem,) = told(tmp_path / "m.yaml")
    assert problem.endswith("up to this alias ('*'), aliases stand for more than 100,000 values")


@pytest.mark.parametrize("more", [
    "qos: 1.0", "where: null", "max_decompressed_bytes: 0o17", "    partition_key: 007", "    partition_key: 12:30",
    "    partition_key: on", "    partition_key: 2024-01-01",
])  # fmt: skip
def test_values_that_yaml_1_1_converts_stay_as_written(tmp_path, more):
    (tmp_path / "m.yaml").write_text(WELL + more)
    assert told(tmp_path / "m.yaml") == ["m.yaml: loads"]


if __name__ == "__main__":
    EXPECTED.write_text("".join(f"{line}\n" for file in sorted(FOLDER.glob("*.yaml")) for line in told(file)))
