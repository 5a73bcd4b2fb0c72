import pytest

from bridge.payloads.schema_files import NO_SCHEMA_FILES, SchemaError, schema_text


def test_schema_text_is_that_of_the_file():
    files = {"a/b.avsc": b"1", "b.avsc": b""}
    assert (schema_text("a/b.avsc", files), schema_text("b.avsc", files)) == (b"1", b"")


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        (NO_SCHEMA_FILES, "; there are none"),
        ({"plant/reading.avsc": b""}, "; did you mean 'plant/reading.avsc'?"),
        ({f"{n}": b"" for n in range(12)}, "; there are 0, 1, 10, 11, 2, 3, 4, 5, 6"),
    ],
)
def test_schema_text_of_an_unknown_file_is_an_error_with_a_hint(files, hint):
    with pytest.raises(SchemaError) as error:
        schema_text("reading.avsc", files)
    assert str(error.value) == f"no file 'reading.avsc' in schemas/, beside the mappings{hint}"
