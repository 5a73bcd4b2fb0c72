import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from bridge.aws.error_codes import (
    ERROR_RULES,
    MAX_DETAIL_CHARS,
    ErrorResponse,
    is_throttling,
    record_error,
    record_error_rule,
    shortened,
)
from bridge.errors import InvalidRequest, OutcomeUnknown, Refused, Unavailable

DOCUMENTED = {
    # https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
    ("AccessDeniedException", 400): Refused,
    ("InternalFailureException", 500): OutcomeUnknown,
    ("InvalidArgumentException", 400): InvalidRequest,
    ("KMSAccessDeniedException", 400): Refused,
    ("KMSDisabledException", 400): Refused,
    ("KMSInvalidStateException", 400): Refused,
    ("KMSNotFoundException", 400): Refused,
    ("KMSOptInRequired", 400): Refused,
    ("KMSThrottlingException", 400): Unavailable,
    ("ProvisionedThroughputExceededException", 400): Unavailable,
    ("ResourceNotFoundException", 400): Refused,
    # https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamSummary.html
    ("LimitExceededException", 400): Unavailable,
    # https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html
    ("ExpiredTokenException", 403): Unavailable,
    ("IncompleteSignature", 403): Refused,
    ("InternalFailure", 500): OutcomeUnknown,
    ("InvalidAction", 400): Refused,
    ("InvalidClientTokenId", 403): Refused,
    ("MalformedHttpRequestException", 400): Refused,
    ("NotAuthorized", 401): Refused,
    ("OptInRequired", 403): Refused,
    ("RequestAbortedException", 400): Unavailable,
    ("RequestEntityTooLargeException", 413): InvalidRequest,
    ("RequestExpired", 400): Refused,
    ("RequestTimeoutException", 408): Unavailable,
    ("ServiceUnavailable", 503): OutcomeUnknown,
    ("ThrottlingException", 400): Unavailable,
    ("UnknownOperationException", 404): Refused,
    ("UnrecognizedClientException", 403): Refused,
    ("ValidationError", 400): InvalidRequest,
    # the signature's own
    ("InvalidSignatureException", 403): Refused,
    ("RequestTimeTooSkewed", 403): Refused,
    ("SignatureDoesNotMatch", 403): Refused,
    ("MissingAuthenticationToken", 403): Refused,
    ("ValidationException", 400): InvalidRequest,
}


@pytest.mark.parametrize(("code", "status", "kind"), [(*key, kind) for key, kind in DOCUMENTED.items()])
def test_documented_error_code_has_its_exception_class(code, status, kind):
    assert code in ERROR_RULES
    error = ErrorResponse(code, "why", status).error("telemetry", "eu-north-1")
    assert type(error) is kind
    assert (error.code, error.detail) == (code, "why")


def test_error_rules_contain_every_error_of_botocores_put_records_model():
    operation = get_session().get_service_model("kinesis").operation_model("PutRecords")
    modelled = {shape.name for shape in operation.error_shapes}
    assert "KMSDisabledException" in modelled
    assert modelled <= set(ERROR_RULES)


@pytest.mark.parametrize(
    "code", [code for code in ERROR_RULES if isinstance(ErrorResponse(code, "", 400).error("s", "r"), Refused)]
)
def test_refusal_reports_what_to_do(code):
    hint = ErrorResponse(code, "", 400).error("telemetry", "eu-north-1").hint
    assert len(hint) > 20
    assert "{" not in hint


def test_hint_names_the_stream_and_the_permission():
    hint = ErrorResponse("AccessDeniedException", "", 400).error("telemetry", "eu-north-1").hint
    assert "kinesis:PutRecords" in hint
    assert "telemetry" in hint
    assert "eu-north-1" in hint


@pytest.mark.parametrize(
    ("status", "kind"), [(500, OutcomeUnknown), (503, OutcomeUnknown), (408, Unavailable), (429, Unavailable)]
)
def test_unknown_code_that_may_pass_is_unavailable(status, kind):
    assert type(ErrorResponse("Novel", "", status).error("s", "r")) is kind


@pytest.mark.parametrize("status", [302, 400, 403, 404])
def test_unknown_code_that_will_not_pass_is_refused(status):
    assert isinstance(ErrorResponse("Novel", "", status).error("s", "r"), Refused)


@pytest.mark.parametrize(("skew", "words"), [(1200, "20 minutes ahead of AWS"), (-3600, "60 minutes behind AWS")])
def test_wrong_clock_is_measured_in_the_hint(skew, words):
    error = ErrorResponse("InvalidSignatureException", "", 403, skew).error("s", "r")
    assert words in error.hint


@pytest.mark.parametrize("skew", [None, 0, 12, -299])
def test_signature_error_with_a_correct_clock_points_to_the_secret(skew):
    assert "secret" in ErrorResponse("InvalidSignatureException", "", 403, skew).error("s", "r").hint


def test_records_unknown_code_is_tried_again():
    assert record_error_rule("Novel") == record_error_rule("InternalFailure")


def test_records_own_code_gives_the_streams_state():
    assert type(record_error("InternalFailure", "no", "s")) is Unavailable
    refused = record_error("KMSDisabledException", "no", "telemetry")
    assert isinstance(refused, Refused)
    assert "telemetry" in refused.hint


def test_throttling_is_reported_from_other_failures():
    assert is_throttling("ProvisionedThroughputExceededException")
    assert not is_throttling("InternalFailure")


def test_details_are_one_line_of_bounded_length():
    assert shortened("a\n  b") == "a b"
    assert len(shortened("x" * 5000)) == MAX_DETAIL_CHARS


NOT_AUTHORIZED = "User: arn:aws-cn:iam::123456789012:user/edge is not authorized to perform: "


@pytest.mark.parametrize(
    ("denied", "stream", "on"),
    [
        ("kinesis:PutRecords", "press", "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/press"),
        ("kinesis:PutRecords on resource: arn:aws-cn:kinesis:cn-north-1:1:stream/a", "press", "stream/a to"),
        ("kinesis:PutRecords", "arn:aws-cn:kinesis:cn-north-1:2:stream/b", "arn:aws-cn:kinesis:cn-north-1:2:stream/b"),
        ("kms:GenerateDataKey", "press", "the KMS key of stream press"),
    ],
)
def test_denial_names_permission_identity_and_arn(denied, stream, on):
    error = ErrorResponse("AccessDeniedException", NOT_AUTHORIZED + denied, 400).error(stream, "cn-north-1")
    assert f"allow {denied.split()[0]} on " in error.hint
    assert on in error.hint
    assert "to arn:aws-cn:iam::123456789012:user/edge" in error.hint


def test_error_response_in_xml_has_its_code_and_message():
    body = (
        "<ErrorResponse><Errors><Error><Code>InvalidClientTokenId</Code><Message>unknown key</Message></Error></Errors>"
    )
    said = {"Error": {"Code": "403", "Message": body}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    answer = ErrorResponse.of(ClientError(said, "PutRecords"))
    assert (answer.code, answer.message) == ("InvalidClientTokenId", "unknown key")
    assert "kinesis.authentication" in answer.error("telemetry", "us-east-1").hint
