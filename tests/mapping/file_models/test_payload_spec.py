import pytest
from pydantic import ValidationError

from bridge.mapping.file_models.payload_spec import AvroSpec, CsvSpec, ProtobufSpec, XmlSpec


def read(model, **values):
    """Return a section as it is read from a file, in which a list is a tuple."""
    return model.model_validate(values)


def fails(match, model, **values):
    with pytest.raises(ValidationError, match=match):
        read(model, **values)


@pytest.mark.parametrize("header", ["first_line", ("a",), ("a", "A", " a")])
def test_csv_header_is_the_first_line_or_different_names(header):
    assert read(CsvSpec, header=header).header == header


@pytest.mark.parametrize("header", [(), ("a", "a"), ("a", "b", "a")])
def test_csv_header_without_names_or_with_a_repeated_name_is_an_error(header):
    fails("at least one name, and none of them twice", CsvSpec, header=header)


@pytest.mark.parametrize("header", [("",), "second_line", (1,), None])
def test_csv_header_of_another_type_is_an_error(header):
    fails("header", CsvSpec, header=header)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " ", "é"])
def test_csv_delimiter_is_one_character(delimiter):
    assert read(CsvSpec, header="first_line", delimiter=delimiter).delimiter == delimiter


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "\r", "\r\n"])
def test_csv_delimiter_that_means_something_else_is_an_error(delimiter):
    fails("one character that is no quote and no line break", CsvSpec, header="first_line", delimiter=delimiter)


def test_csv_and_xml_read_numbers_unless_they_are_text():
    assert read(CsvSpec, header="first_line").numbers is True
    assert read(XmlSpec).numbers is True
    fails("numbers", XmlSpec, numbers="no")
    fails("lists", XmlSpec, lists=("",))


def test_avro_schema_is_one_file_or_files_by_number():
    assert read(AvroSpec, schema="a.avsc").schema_file == "a.avsc"
    files = {"0": "a.avsc", "4294967295": "b.avsc"}
    assert read(AvroSpec, schema=files, header="confluent").schema_file == files


@pytest.mark.parametrize(
    "files",
    [{}, {"": "a"}, {"x": "a"}, {"-1": "a"}, {"1.5": "a"}, {"\N{ARABIC-INDIC DIGIT ONE}": "a"}, {"12345678901": "a"}],
)
def test_avro_schemas_without_valid_numbers_are_an_error(files):
    fails("files by the numbers of their schemas", AvroSpec, schema=files, header="confluent")


@pytest.mark.parametrize("files", [{"7": "a", "07": "b"}, {"0": "a", "00": "a"}])
def test_avro_schemas_with_one_number_twice_are_an_error(files):
    fails("expected each number of a schema once", AvroSpec, schema=files, header="confluent")


def test_avro_schemas_by_number_need_the_header_with_the_number():
    fails("several schemas need `header: confluent`", AvroSpec, schema={"7": "a.avsc"})


@pytest.mark.parametrize(
    ("message", "captures"),
    [("plant.Reading", ()), ("Reading_2", ()), ("plant.{type}", ("type",)), ("{a}.{b}X{a}", ("a", "b", "a"))],
)
def test_protobuf_message_may_contain_captures(message, captures):
    assert read(ProtobufSpec, schema="a.proto", message=message).captures == captures


@pytest.mark.parametrize("message", ["", "a b", "plant/{x}", "{}", "{1}", "{a", "a}", "{{a}}", "{a.b}", "é", "a\n"])
def test_protobuf_message_with_other_characters_is_an_error(message):
    fails("message", ProtobufSpec, schema="a.proto", message=message)
