"""AWS endpoint that sends slightly wrong responses. botocore parses them; only its sockets are replaced."""

from botocore.awsrequest import AWSResponse
from hypothesis import strategies as st

from bridge.errors import SendError

STATUSES = st.sampled_from([200] * 8 + [201, 204, 300, 301, 400, 403, 404, 413, 429, 500, 503])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(["application/x-amz-json-1.1", "text/html", "text/xml; charset=nope", ""]),
        "Date": st.sampled_from(["Mon, 30 Nov 2026 01:00:00 GMT", "no", "Mon, 01 Jan 0001 00:00:00 -0000", ""]),
        "x-amzn-ErrorType": st.sampled_from(["a:b", "", "x" * 3000]),
    },
)
KEYS = {"access_key_id": "AKIDTEST", "secret_access_key": "wJalrXUtnSECRET"}


class Raw:
    """Body of a response, with the methods of urllib3."""

    def __init__(self, body):
        self.body = body

    def stream(self, *_):
        yield self.body

    def close(self):
        """Do nothing: no socket is open."""


class Endpoint:
    """Endpoint for all services. `answer(request)` returns (status, headers, body)."""

    def send(self, session, request):
        status, headers, body = self.answer(request)
        return AWSResponse(request.url, status, headers, Raw(body))


def or_error(call, *args):
    """Return the result of the call, or None for an error of the bridge. Any other exception fails the test."""
    try:
        return call(*args)
    except SendError as error:
        text = f"{error.code} {error} {getattr(error, 'hint', '')}"
    assert text.isprintable()
    assert len(text) < 3000
    assert "hunter2" not in text
    return None


def respond(endpoint, status, headers, body):
    endpoint.answer = lambda _request: (status, headers, body)
