"""Sender that is known to use a link fully: reference requests over two connections, until a signal ends it.

It shows that the links and the measurements are right, because a test must measure about 95 to 100 % of the capacity
with it. While one connection waits for a response, the other one uses the link.
"""

import argparse
import http.client
import itertools
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from tests.faults.thin_links.capacity import HEAD_BYTES, body_of, numbered

TARGET = "Kinesis_20131202.PutRecords"
TIMEOUT_SECS = 120
OTHER_HEADERS_BYTES = 230
"""Headers of a request. Authorization has an arbitrary value that makes the head as long as that of a signed request.
"""


CONNECTIONS = 2


def main() -> None:
    """Send requests to the endpoint until a signal ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.thin_links.calibrated_sender", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca")
    parser.add_argument("--stream", required=True)
    parser.add_argument("--packing", required=True)
    parser.add_argument("--message-bytes", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True, help="messages in one request")
    options = parser.parse_args()
    firsts = itertools.count(0, options.messages)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda _: send(options, firsts), range(CONNECTIONS)))


def send(options: argparse.Namespace, firsts: Iterator[int]) -> None:
    """Send requests over one connection. `firsts` yields the number of the first message of each request."""
    connection = connected(options)
    headers = {
        "X-Amz-Target": TARGET,
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "x" * (HEAD_BYTES - OTHER_HEADERS_BYTES),
    }
    for first in firsts:
        messages = numbered(first, options.messages, options.message_bytes)
        connection.request("POST", "/", body_of(options.stream, options.packing, messages), headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status


def connected(options: argparse.Namespace) -> http.client.HTTPConnection:
    url = urlsplit(options.url)
    if not options.ca:
        return http.client.HTTPConnection(url.hostname, url.port, timeout=TIMEOUT_SECS)
    context = ssl.create_default_context(cafile=options.ca)
    return http.client.HTTPSConnection(url.hostname, url.port, timeout=TIMEOUT_SECS, context=context)


if __name__ == "__main__":
    main()
