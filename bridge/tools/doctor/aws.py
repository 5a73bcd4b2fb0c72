"""AWS checks: the endpoints, the identity of the bridge, each stream, and the clock."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from bridge.aws.error_codes import ERROR_RULES, MAX_CLOCK_SKEW_SECS
from bridge.errors import Refused, SendError
from bridge.kinesis.client_cache import STS_UNREACHABLE
from bridge.kinesis.publisher import AUTOMATIC
from bridge.kinesis.service_endpoints import DOCTOR_ONLY, date_at
from bridge.model import Destination, Record
from bridge.tools.doctor.finding import failed, info, ok, warning
from bridge.tools.doctor.network import Endpoint, reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.aws.client_factory import EndpointSettings
    from bridge.kinesis.publisher import KinesisPublisher
    from bridge.kinesis.service_endpoints import ServiceEndpoint
    from bridge.tools.doctor.finding import Finding

# An error of one minute is harmless, but it may grow. AWS refuses requests if the clock is five minutes wrong.
_WARNED_SKEW_SECS = 60
_TEST_DATA = b'{"mqtt-kinesis": "doctor"}'


def examine_endpoint(how: EndpointSettings, endpoint: ServiceEndpoint) -> Iterator[Finding]:
    """Yield findings on the name, port and TLS of an endpoint, or of the proxy to it.

    If the endpoint is for Kinesis, also yield a finding on this machine's clock. The response contains the correct
    time.
    """
    subject = f"endpoint {endpoint.url}"
    if endpoint.proxy:
        host, _, port = endpoint.proxy.rpartition(":")
        found = list(reach(Endpoint("aws.endpoint", f"{subject} by proxy", host.strip("[]"), int(port))))
    else:
        found = list(reach(Endpoint("aws.endpoint", subject, endpoint.host, endpoint.port, _context(how, endpoint))))
    if endpoint.use.startswith("Kinesis") and how.endpoint_url:
        found = [_naming_option(each) for each in found]
    if any(each.status == "error" for each in found):
        yield from map(_as_warning, found) if endpoint.use.endswith(DOCTOR_ONLY) else found
        return
    yield from found
    try:
        date = date_at(how, endpoint)
    except SendError as error:
        finding = failed("aws.endpoint", subject, str(error), _hint(error))
        yield _naming_option(finding) if how.endpoint_url and endpoint.use.startswith("Kinesis") else finding
        return
    if endpoint.proxy:
        yield ok("aws.endpoint", subject, f"reachable through the proxy {endpoint.proxy}")
    if endpoint.use.startswith("Kinesis"):
        yield from _clock(endpoint.host, date)


def _naming_option(finding: Finding) -> Finding:
    """Return the finding. If it is an error, add the option kinesis.endpoint_url to its advice."""
    if finding.status != "error" or "kinesis.endpoint_url" in finding.advice:
        return finding
    return replace(finding, advice=f"check kinesis.endpoint_url, its host and port; {finding.advice}")


def _as_warning(finding: Finding) -> Finding:
    """Turn an error into a warning: only `doctor` calls this endpoint, so the bridge works without it."""
    return replace(finding, status="warning") if finding.status == "error" else finding


def _context(how: EndpointSettings, endpoint: ServiceEndpoint) -> Any:
    return (lambda: _trusting(how.trusted)) if endpoint.url.startswith("https") else None


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file:
        # By default, Python 3.13 checks certificates strictly against RFC 5280 and refuses many private CAs. botocore
        # disables this check too.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _clock(host: str, date: str) -> Iterator[Finding]:
    """Yield a finding on this machine's clock, compared with the Date header of a response."""
    try:
        # The Date header has whole seconds, so a difference below one second means nothing.
        skew = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        # The response has no valid Date header. For example, an emulator may send none.
        return
    secs = abs(skew)
    amount = f"{secs:,.0f} s" if secs < MAX_CLOCK_SKEW_SECS else f"{secs / 60:,.0f} minutes"
    message = f"this machine's clock is {amount} {'ahead of' if skew > 0 else 'behind'} AWS ({host})"
    if secs >= MAX_CLOCK_SKEW_SECS:
        advice = "AWS refuses requests whose time is five minutes wrong: synchronise this machine's clock (NTP)"
        yield failed("aws.clock", "clock", message, advice, {"skew_secs": round(skew)})
    elif secs >= _WARNED_SKEW_SECS:
        yield warning(
            "aws.clock", "clock", message, "synchronise this machine's clock (NTP)", {"skew_secs": round(skew)}
        )
    else:
        yield ok("aws.clock", "clock", f"within {max(1, round(secs))} s of AWS ({host})", {"skew_secs": round(skew)})


def examine_identity(
    publisher: KinesisPublisher, destination: Destination, *, by_sts: bool = True
) -> Iterator[Finding]:
    """Yield a finding on the AWS identity that STS reports for the bridge. `by_sts` is False if no STS is available."""
    subject = f"credentials for {destination.role_arn}" if destination.role_arn else "credentials"
    if not by_sts:
        message = "not examined: kinesis.endpoint_url is not AWS, and kinesis.sts_endpoint_url is not set"
        yield info("aws.credentials", subject, message)
        return
    try:
        who = publisher.whoami(str(destination))
    except SendError as error:
        if error.code == STS_UNREACHABLE:
            # The bridge may work without STS: only the commands `doctor` and `policy` request the identity.
            message = f"identity unknown, STS does not respond: {error.detail}"
            yield warning("aws.credentials", subject, message, "the bridge needs STS only to assume a role")
        else:
            yield failed("aws.credentials", subject, str(error), _hint(error))
        return
    ends = publisher.credentials_expire_at
    until = f", until {datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%MZ}, renewed automatically" if ends else ""
    yield ok("aws.credentials", subject, f"{who}{until}", {"arn": who, "expire_at": ends})


def examine_stream(publisher: KinesisPublisher, destination: Destination, *, send: bool) -> Iterator[Finding]:
    """Yield findings on the state of a stream, and on the permissions to use the stream.

    With `send`, also send a record, and yield a finding on whether the stream accepts it.
    """
    subject, name = f"stream {destination.data_stream}", str(destination)
    try:
        yield from _described(publisher, subject, destination)
    except SendError as error:
        yield failed("aws.stream", subject, str(error), _hint(error))
        return
    try:
        publisher.list_shards(name)
    except SendError as error:
        advice = f"without the list of shards, packing aggregates by key; {_hint(error)}"
        message = f"cannot list its shards: {error}"
        yield warning("aws.shards", subject, message, advice)
    if send:
        yield from _send(publisher, destination)


def _described(publisher: KinesisPublisher, subject: str, destination: Destination) -> Iterator[Finding]:
    described = publisher.describe(str(destination))
    if not described.described:
        advice = "'mqtt-kinesis policy' prints the permissions; or keep records under 1 MiB"
        yield warning("aws.stream", subject, "not allowed to describe it; records of at most 1 MiB are assumed", advice)
        return
    facts = {
        "status": described.status,
        "mode": described.mode,
        "open_shards": described.open_shards,
        "max_record_bytes": described.max_record_bytes,
        "kms_key": described.key_id,
    }
    if described.status not in ("ACTIVE", "UPDATING"):
        advice = "wait until it is ACTIVE, or create it again"
        yield failed("aws.stream", subject, f"status {described.status}", advice, facts)
        return
    encryption = f"encrypted by {described.key_id}" if described.key_id else "not encrypted"
    shards = f"{described.open_shards} shard{'' if described.open_shards == 1 else 's'}"
    size = f"records up to {described.max_record_bytes >> 20} MiB"
    message = f"{described.status}, {described.mode or 'PROVISIONED'}, {shards}, {size}, {encryption}"
    yield ok("aws.stream", subject, message, facts)
    if described.distribution == AUTOMATIC:
        yield _automatic_distribution(subject, destination)


def _automatic_distribution(subject: str, destination: Destination) -> Finding:
    message = "record distribution strategy AUTO: partition keys determine neither shard nor order"
    wanted = {"packing: kpl": destination.packing == "kpl", "order: strict": destination.order == "strict"}
    if any(wanted.values()):
        in_vain = " and ".join(option for option, chosen in wanted.items() if chosen)
        how = "aws kinesis update-stream-record-distribution-strategy --record-distribution-strategy USER_PARTITION_KEY"
        advice = f"{in_vain} has no effect there; to use partition keys again: {how} --stream-arn ..."
        return warning("aws.placement", subject, message, advice)
    return ok("aws.placement", subject, message)


def _send(publisher: KinesisPublisher, destination: Destination) -> Iterator[Finding]:
    subject = f"record to {destination.data_stream}"
    try:
        [result] = publisher.put_records(str(destination), [Record(1, 0, "doctor", _TEST_DATA)])
    except SendError as error:
        yield failed("aws.send", subject, str(error), _hint(error))
    else:
        # Only a rejected record has a code.
        code = getattr(result, "code", "")
        if code:
            message = f"{code}: {getattr(result, 'message', '')}"
            yield failed("aws.send", subject, message, _advice(code, destination))
        else:
            yield ok("aws.send", subject, f"accepted: {_TEST_DATA.decode()}")


def _advice(code: str, destination: Destination) -> str:
    """Return the advice for the error code that Kinesis reports for a single record."""
    hint = ERROR_RULES[code].hint if code in ERROR_RULES else ""
    names = {"stream": destination.data_stream, "region": destination.region or "its region"}
    return hint.format(credential="the access key", **names) or "temporary error: try again"


def _hint(error: SendError) -> str:
    return error.hint if isinstance(error, Refused) else "temporary error; see the endpoint above"
