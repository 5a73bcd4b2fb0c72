"""Description of one operation of the API."""

import pytest

from bridge.web.openapi.json_schemas import TEXT, obj
from bridge.web.openapi.operation import ERRORS_OF_ACCESS, ERRORS_OF_BODY, NATURAL_NUMBER, STATUS_TEXTS, Operation
from bridge.web.requests import MAX_INTEGER


def described(operation, access="look", path_names=()):
    return operation.to_json("get_x", "Return x.", access, list(path_names))


@pytest.mark.parametrize("access", ERRORS_OF_ACCESS)
def test_operation_has_the_errors_of_its_access(access):
    responses = described(Operation(TEXT), access)["responses"]
    assert responses.keys() == {"200", *map(str, ERRORS_OF_ACCESS[access])}


@pytest.mark.parametrize(("access", "header"), [("everybody", False), ("look", False), ("act", True), ("edit", True)])
def test_operation_that_acts_requires_the_header_of_the_page(access, header):
    value = described(Operation(TEXT), access)
    assert ("X-Mqtt-Kinesis" in [each["name"] for each in value["parameters"]]) == header
    assert bool(value["security"]) == (access != "everybody")


def test_operation_with_a_body_has_its_schema_and_errors():
    value = described(Operation(TEXT, body=obj(a=TEXT)), "act")
    assert value["requestBody"]["content"]["application/json"]["schema"] == obj(a=TEXT)
    assert {str(status) for status in ERRORS_OF_BODY} <= value["responses"].keys()


def test_operation_with_a_form_is_no_json():
    value = described(Operation(status=303, form=obj(token=TEXT)), "everybody")
    assert list(value["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]
    assert "content" not in value["responses"]["303"]


def test_operation_keeps_its_own_schema_of_an_error():
    value = described(Operation(TEXT, errors=(404,), others={500: obj(ok=TEXT), 404: "text/html"}))
    assert value["responses"]["500"]["content"]["application/json"]["schema"] == obj(ok=TEXT)
    assert value["responses"]["404"]["content"] == {"text/html": {}}


def test_operation_has_its_path_and_query_parameters():
    value = described(
        Operation(TEXT, query={"limit": NATURAL_NUMBER}, path={"number": NATURAL_NUMBER}), path_names=["number", "id"]
    )
    assert [(each["name"], each["in"], each.get("required", False)) for each in value["parameters"]] == [
        ("number", "path", True),
        ("id", "path", True),
        ("limit", "query", False),
    ]
    assert [each["schema"] for each in value["parameters"]] == [NATURAL_NUMBER, TEXT, NATURAL_NUMBER]


def test_responses_are_sorted_and_have_a_text():
    responses = described(Operation(TEXT, errors=(503, 404), body=TEXT), "edit")["responses"]
    assert list(responses) == sorted(responses)
    assert all(each["description"] == STATUS_TEXTS[int(status)] for status, each in responses.items())


def test_natural_number_is_what_requests_accept():
    assert NATURAL_NUMBER["maximum"] == MAX_INTEGER
