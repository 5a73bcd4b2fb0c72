import pytest

from bridge.yaml_files.option_types import parse_size, size_between, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2 GiB", 2 * 1024**3),
        ("500 MB", 500_000_000),
        ("1048576", 1_048_576),
        (1_048_576, 1_048_576),
        ("16MiB", 16 * 1024**2),
        ("16 mib", 16 * 1024**2),
        ("1.5 KiB", 1536),
        ("0.1 kB", 100),
        ("3 TB", 3 * 10**12),
        ("1 TiB", 1024**4),
        ("7 B", 7),
        (" 7 ", 7),
    ],
)
def test_sizes_are_written_with_a_unit_or_in_bytes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "1 XB", "-1 MB", "1 MBit", "1e3 MB", "1 M B", "lots", 1.5, None, [1]])
def test_text_that_is_no_size_is_returned_unchanged(text):
    assert parse_size(text) == text


@pytest.mark.parametrize(
    ("size", "text"), [(2 * 1024**3, "2 GiB"), (1536, "1536 bytes"), (0, "0 bytes"), (10240, "10 KiB")]
)
def test_size_is_shown_in_its_shortest_exact_writing(size, text):
    assert size_text(size) == text


def test_limits_are_reported_in_units():
    assert size_between(1024, 1024**3).text.startswith("a size from 1 KiB to 1 GiB, such as")
