import ssl

import pytest
from botocore import exceptions as aws

from bridge.aws.network_errors import network_error
from bridge.errors import OutcomeUnknown, Refused, Unavailable

URL = "https://kinesis.eu-north-1.amazonaws.com/"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aws.EndpointConnectionError(endpoint_url=URL, error="Name or service not known"), Unavailable),
        (aws.ConnectTimeoutError(endpoint_url=URL, error="slow"), Unavailable),
        (aws.ReadTimeoutError(endpoint_url=URL, error="slow"), OutcomeUnknown),
        (aws.ConnectionClosedError(endpoint_url=URL, error="reset"), OutcomeUnknown),
        (aws.HTTPClientError(error="odd"), OutcomeUnknown),
        (aws.ResponseStreamingError(error="cut"), OutcomeUnknown),
        (aws.IncompleteReadError(actual_bytes=1, expected_bytes=2), OutcomeUnknown),
        (aws.SSLError(endpoint_url=URL, error=ssl.SSLEOFError("cut")), OutcomeUnknown),
        (aws.SSLError(endpoint_url=URL, error=ssl.SSLCertVerificationError("self-signed")), Refused),
        (aws.ProxyConnectionError(proxy_url="http://proxy", error="refused"), Unavailable),
        (
            aws.ProxyConnectionError(proxy_url="http://proxy", error=OSError("Tunnel connection failed: 407 Login")),
            Refused,
        ),
        (
            aws.ProxyConnectionError(proxy_url="http://proxy", error=OSError("Tunnel connection failed: 403 No")),
            Refused,
        ),
        (aws.NoCredentialsError(), Refused),
        (aws.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), Refused),
        (aws.ProfileNotFound(profile="plant"), Refused),
        (aws.CredentialRetrievalError(provider="iam-role", error_msg="slow"), Unavailable),
        (aws.MetadataRetrievalError(error_msg="slow"), Unavailable),
        (aws.NoRegionError(), Refused),
    ],
)
def test_network_error_has_its_exception_class(error, kind):
    placed = network_error(error)
    assert type(placed) is kind
    assert placed.detail


def test_untrusted_certificate_is_found_under_urllib3s_wrapping():
    wrapped = OSError(OSError(ssl.SSLCertVerificationError("self-signed certificate")))
    error = aws.SSLError(endpoint_url=URL, error=wrapped)
    assert "not trusted" in network_error(error).hint
