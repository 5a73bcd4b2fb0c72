"""AWS checks: the endpoints, the identity of the bridge, each stream, and the clock."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from bridge.aws.error_codes import FAULTS, MAX_CLOCK_SKEW_SECS
from bridge.errors import Refused, SendError
from bridge.kinesis.endpoints import date_at
from bridge.kinesis.publisher import AUTOMATIC
from bridge.model import Destination, Record
from bridge.tools.doctor.finding import failed, warning, well
from bridge.tools.doctor.network import Endpoint, reach

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.aws.client_factory import Reach
    from bridge.kinesis.endpoints import Place
    from bridge.kinesis.publisher import Publisher
    from bridge.tools.doctor.finding import Finding

_WARNED_SKEW_SECS = 60
_MARK = b'{"mqtt-kinesis": "doctor"}'


def examine_endpoint(how: Reach, place: Place) -> Iterator[Finding]:
    """Yield findings on name, port and TLS of an endpoint or its proxy, and for Kinesis on the clock."""
    subject = f"endpoint {place.url}"
    if place.proxy:
        host, _, port = place.proxy.rpartition(":")
        found = list(reach(Endpoint("aws.endpoint", f"{subject} by proxy", host.strip("[]"), int(port))))
    else:
        found = list(reach(Endpoint("aws.endpoint", subject, place.host, place.port, _context(how, place))))
    yield from found
    if any(each.state == "failed" for each in found):
        return
    try:
        date = date_at(how, place)
    except SendError as error:
        yield failed("aws.endpoint", subject, str(error), _hint(error))
        return
    if place.proxy:
        yield well("aws.endpoint", subject, f"the proxy {place.proxy} lets it through")
    if place.use.startswith("Kinesis"):
        yield from _clock(place.host, date)


def _context(how: Reach, place: Place) -> Any:
    return (lambda: ssl.create_default_context(cafile=how.trusted)) if place.url.startswith("https") else None


def _clock(host: str, date: str) -> Iterator[Finding]:
    """Yield a finding on the clock, from the Date header of a response."""
    try:
        skew = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return
    secs = abs(skew)
    amount = f"{secs:,.0f} s" if secs < MAX_CLOCK_SKEW_SECS else f"{secs / 60:,.0f} minutes"
    said = f"this machine's clock is {amount} {'ahead of' if skew > 0 else 'behind'} AWS ({host})"
    if secs >= MAX_CLOCK_SKEW_SECS:
        advice = "AWS refuses requests five minutes off: synchronise this machine's clock (NTP)"
        yield failed("aws.clock", "clock", said, advice, {"skew_secs": round(skew)})
    elif secs >= _WARNED_SKEW_SECS:
        yield warning("aws.clock", "clock", said, "synchronise this machine's clock (NTP)", {"skew_secs": round(skew)})
    else:
        yield well("aws.clock", "clock", f"within {max(1, round(secs))} s of AWS ({host})", {"skew_secs": round(skew)})


def examine_identity(publisher: Publisher, destination: Destination) -> Iterator[Finding]:
    """Yield a finding on the identity of the bridge, as STS reports it."""
    subject = f"credentials for {destination.role_arn}" if destination.role_arn else "credentials"
    try:
        who = publisher.whoami(str(destination))
    except SendError as error:
        yield failed("aws.credentials", subject, str(error), _hint(error))
        return
    ends = publisher.credentials_expire_at
    until = f", until {datetime.fromtimestamp(ends, UTC):%Y-%m-%dT%H:%MZ}, and then anew" if ends else ""
    yield well("aws.credentials", subject, f"{who}{until}", {"arn": who, "expire_at": ends})


def examine_stream(publisher: Publisher, destination: Destination, *, send: bool) -> Iterator[Finding]:
    """Yield findings on one stream: its state, the permissions, and with `send` whether it accepts a record."""
    subject, name = f"stream {destination.data_stream}", str(destination)
    try:
        yield from _described(publisher, subject, destination)
    except SendError as error:
        yield failed("aws.stream", subject, str(error), _hint(error))
        return
    try:
        publisher.list_shards(name)
    except SendError as error:
        said, advice = f"its shards may not be listed: {error}", f"packing goes per key then; {_hint(error)}"
        yield warning("aws.shards", subject, said, advice)
    if send:
        yield from _send(publisher, destination)


def _described(publisher: Publisher, subject: str, destination: Destination) -> Iterator[Finding]:
    described = publisher.describe(str(destination))
    if not described.described:
        advice = "'mqtt-kinesis policy' prints what to allow; or keep records under 1 MiB"
        yield warning("aws.stream", subject, "may not be asked about; records are taken to be at most 1 MiB", advice)
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
        yield failed("aws.stream", subject, f"it is {described.status}", advice, facts)
        return
    encryption = f"encrypted by {described.key_id}" if described.key_id else "not encrypted"
    shards = f"{described.open_shards} shard{'' if described.open_shards == 1 else 's'}"
    size = f"records up to {described.max_record_bytes >> 20} MiB"
    said = f"{described.status}, {described.mode or 'PROVISIONED'}, {shards}, {size}, {encryption}"
    yield well("aws.stream", subject, said, facts)
    if described.distribution == AUTOMATIC:
        yield _placing_itself(subject, destination)


def _placing_itself(subject: str, destination: Destination) -> Finding:
    said = "it places records itself (record distribution strategy AUTO): keys decide neither on the shard nor on order"
    wanted = {"packing: kpl": destination.packing == "kpl", "order: strict": destination.order == "strict"}
    if any(wanted.values()):
        in_vain = " and ".join(option for option, chosen in wanted.items() if chosen)
        how = "aws kinesis update-stream-record-distribution-strategy --record-distribution-strategy USER_PARTITION_KEY"
        advice = f"{in_vain} can do nothing there; to go by keys again: {how} --stream-arn ..."
        return warning("aws.placement", subject, said, advice)
    return well("aws.placement", subject, said)


def _send(publisher: Publisher, destination: Destination) -> Iterator[Finding]:
    subject = f"a record to {destination.data_stream}"
    try:
        [result] = publisher.put_records(str(destination), [Record(1, 0, "doctor", _MARK)])
    except SendError as error:
        yield failed("aws.send", subject, str(error), _hint(error))
    else:
        code = getattr(result, "code", "")
        if code:
            said = f"{code}: {getattr(result, 'message', '')}"
            yield failed("aws.send", subject, said, _advice(code, destination))
        else:
            yield well("aws.send", subject, f"taken: {_MARK.decode()}")


def _advice(code: str, destination: Destination) -> str:
    """Return the advice for the error code of a single record."""
    hint = FAULTS[code].hint if code in FAULTS else ""
    places = {"stream": destination.data_stream, "region": destination.region or "its region"}
    return hint.format(credential="the access key", **places) or "it may pass by itself: try again"


def _hint(error: SendError) -> str:
    return error.hint if isinstance(error, Refused) else "it may pass by itself; see the endpoint above"
