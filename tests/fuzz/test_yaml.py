"""Files with errors of a person, or of an incomplete copy: every problem is reported quickly, with its position."""

import contextlib
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import load_settings
from bridge.errors import ConfigError
from bridge.mapping.loading.mapping_loader import load_file
from bridge.yaml_files import parse_document
from tests.fuzz.mutation import nearly

ROOT = Path(__file__).parents[2]
MAPPINGS = [file.read_bytes() for file in sorted((ROOT / "bridge" / "tools" / "demo" / "mappings").glob("*.yaml"))]
BRIDGE = (ROOT / "docker" / "bridge.yaml").read_bytes()
ODD = b"{a: &x [*x], ? b : !!python/object:os.system x, <<: *x, 1: 2, ~: 3, [c]: d, 0x1f: 1e999, e: 2001-01-01}\n"
AT_ONCE_SECS = 5.0


def laughs(depth=40):
    """Nested aliases: each line repeats the line before nine times.

    https://en.wikipedia.org/wiki/Billion_laughs_attack
    """
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, depth)]
    return "\n".join(lines).encode()


def told(load):
    """Check that the text loads, or that each problem has a file, a position and a message."""
    try:
        load()
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - either is right
        assert all(problem.file and problem.message for problem in error.problems)  # noqa: PT017


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@given(data=nearly(*MAPPINGS, ODD))
def test_mapping_that_is_nearly_valid_loads_or_is_refused(folder, data):
    file = folder / "m.yaml"
    file.write_bytes(data)
    told(lambda: load_file(file, {}))


@given(data=nearly(BRIDGE, ODD))
def test_configuration_that_is_nearly_valid_loads_or_is_refused(folder, data):
    file = folder / "bridge.yaml"
    file.write_bytes(data)
    told(lambda: load_settings(file, {"HOME": "x"}))


@pytest.mark.parametrize(
    "data",
    [
        laughs(),
        b"[" * 100_000,
        b"{a: " * 100_000,
        b"- " * 100_000,
        b"a: " + b"!" * 100_000,
        b"? " * 50_000,
        b"x" * 2_000_000,
        b"&a " * 50_000 + b"x",
        b"a: |\n" + b"  \n" * 300_000,
        b"'" + b"''" * 400_000,
        b"\xff\xfe" + "a: 1\n".encode("utf-16-le"),
        b"%YAML 9.9\n--- \0",
    ],
    ids=lambda data: data[:12],
)
def test_document_made_to_exhaust_the_parser_is_handled_at_once(data):
    start = time.process_time()
    with contextlib.suppress(ConfigError):
        parse_document(data, "m.yaml", substitute=True, environ={}, base=Path("/nowhere"))
    assert time.process_time() - start < AT_ONCE_SECS


@given(st.text(st.sampled_from("${}:-file/ABC\\x'\" \n"), max_size=40))
def test_variable_that_is_nearly_valid_is_substituted_or_refused(text):
    quoted = "'" + text.replace("'", "''") + "'"
    told(lambda: parse_document(f"a: {quoted}", "b.yaml", substitute=True, environ={"A": "1"}, base=Path("/nowhere")))
