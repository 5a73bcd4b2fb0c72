"""AWS: the endpoints, who the bridge is, each stream, and the clock."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridge.doctor.findings import failed, warning, well
from bridge.doctor.network import TIMEOUT_SECS, reach
from bridge.errors import Refused, SendError
from bridge.kinesis.faults import MAX_CLOCK_SKEW_SECS
from bridge.model import Destination, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.doctor.findings import Finding
    from bridge.kinesis.client import Publisher

_HTTPS, _HTTP = 443, 80
_WARNED_SKEW_SECS = 60
_MARK = b'{"mqtt-kinesis": "doctor"}'


def examine_endpoint(subject: str, url: str, ca_file: str | None) -> Iterator[Finding]:
    """Names, ports, TLS and the clock of one endpoint."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (_HTTPS if secure else _HTTP)
    found = list(reach(subject, host, port, (lambda: ssl.create_default_context(cafile=ca_file)) if secure else None))
    yield from found
    if all(each.state != "failed" for each in found):
        yield from _clock(url, ca_file if secure else None)


def _clock(url: str, ca_file: str | None) -> Iterator[Finding]:
    """By the Date of whatever it answers."""
    context = ssl.create_default_context(cafile=ca_file) if url.startswith("https") else None
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECS, context=context) as answer:  # noqa: S310 - http or https, checked
            date = answer.headers.get("Date")
    except urllib.error.HTTPError as error:
        date = error.headers.get("Date")
    except (OSError, ValueError):
        return
    try:
        skew = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return
    said = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} AWS"
    if abs(skew) >= MAX_CLOCK_SKEW_SECS:
        yield failed("clock", said, "AWS refuses requests five minutes off: synchronise this machine's clock (NTP)")
    elif abs(skew) >= _WARNED_SKEW_SECS:
        yield warning("clock", said, "synchronise this machine's clock (NTP)")
    else:
        yield well("clock", f"within {max(1, round(abs(skew)))} s of AWS")


def examine_identity(publisher: Publisher, destination: Destination) -> Iterator[Finding]:
    """Who AWS says that the bridge is."""
    subject = f"credentials for {destination.role_arn}" if destination.role_arn else "credentials"
    try:
        who = publisher.whoami(str(destination))
    except SendError as error:
        yield failed(subject, str(error), _hint(error))
        return
    ends = publisher.credentials_expire_at
    until = f", until {datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%MZ}, and then anew" if ends else ""
    yield well(subject, f"{who}{until}")


def examine_stream(publisher: Publisher, destination: Destination, *, send: bool) -> Iterator[Finding]:
    """One stream: as it is, what may be asked of it, and with `send` whether it takes a record."""
    subject, name = f"stream {destination.data_stream}", str(destination)
    try:
        described = publisher.describe(name)
    except SendError as error:
        yield failed(subject, str(error), _hint(error))
        return
    if not described.described:
        advice = "'mqtt-kinesis policy' prints what to allow; or keep records under 1 MiB"
        yield warning(subject, "may not be asked about; records are taken to be at most 1 MiB", advice)
    elif described.status not in ("ACTIVE", "UPDATING"):
        yield failed(subject, f"it is {described.status}", "wait until it is ACTIVE, or create it again")
    else:
        encryption = f"encrypted by {described.key_id}" if described.key_id else "not encrypted"
        size = f"records up to {described.max_record_bytes >> 20} MiB"
        yield well(
            subject, f"{described.status}, {described.mode}, {described.open_shards} shards, {size}, {encryption}"
        )
    try:
        publisher.list_shards(name)
    except SendError as error:
        yield warning(subject, f"its shards may not be listed: {error}", f"packing goes per key then; {_hint(error)}")
    if send:
        yield from _send(publisher, destination)


def _send(publisher: Publisher, destination: Destination) -> Iterator[Finding]:
    subject = f"a record to {destination.data_stream}"
    try:
        [result] = publisher.put_records(str(destination), [Record(1, 0, "doctor", _MARK)])
    except SendError as error:
        yield failed(subject, str(error), _hint(error))
    else:
        code = getattr(result, "code", "")
        if code:
            yield failed(subject, f"{code}: {getattr(result, 'message', '')}", "see what AWS says of this code")
        else:
            yield well(subject, f"taken: {_MARK.decode()}")


def _hint(error: SendError) -> str:
    return error.hint if isinstance(error, Refused) else "it may pass by itself; see the endpoint above"
