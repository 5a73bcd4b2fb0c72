"""Command `doctor`: examines the broker, AWS and the disk, and prints each finding with advice."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from functools import cache, partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from bridge.aws.client_factory import region_of
from bridge.aws.credentials.credential_endpoints import unlisted_types
from bridge.cli.output.json_document import print_document
from bridge.config import load_settings
from bridge.errors import BridgeError, ConfigError
from bridge.kinesis.publisher import KinesisPublisher
from bridge.kinesis.service_endpoints import service_endpoints, without_sts
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.mapping.rendering import printable
from bridge.mapping.router import Router
from bridge.model import Destination
from bridge.runtime.assembly import publisher_settings
from bridge.runtime.control_channel import request
from bridge.runtime.exit_codes import FAILED
from bridge.supervisor.workers import control_folder, spool_folders
from bridge.terminal import BAD, GOOD, WARN, print_coloured
from bridge.tools.doctor.aws import examine_endpoint, examine_identity, examine_stream
from bridge.tools.doctor.backlog import backlog_of_bridge, backlog_on_disk
from bridge.tools.doctor.broker.checks import BrokerTarget, examine_broker
from bridge.tools.doctor.check_runner import DEADLINE_SECS, examine
from bridge.tools.doctor.disk import examine_room, examine_sync, measure_syncs
from bridge.tools.doctor.finding import Finding
from bridge.tools.doctor.traffic_rate import SharedRate, SpoolRate, rate_of_bridge
from bridge.tools.doctor.uplink import examine_uplink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from bridge.config import Settings
    from bridge.kinesis.service_endpoints import ServiceEndpoint
    from bridge.mapping.mapping import Mapping
    from bridge.mqtt.settings import MqttSettings
    from bridge.tools.doctor.disk import FsyncTimes
    from bridge.tools.doctor.uplink import Backlog

    Check = tuple[str, Callable[[], Iterable[Finding]]]

_STREAM = "stream "
_MARKS = {"ok": "✓", "info": "i", "warning": "!", "error": "✗"}
# Marks for an output encoding without the characters of _MARKS, such as ASCII.
_PLAIN_MARKS = {"ok": "+", "info": "i", "warning": "!", "error": "x"}


def doctor(config: Path, *, send: bool, publish: bool = False, as_json: bool) -> int:
    """Print the findings. Return 0 if no finding is an error, otherwise 1.

    Raise ConfigError if the configuration or a mapping is invalid.
    """
    settings = load_settings(config, os.environ)
    loaded = load_folder(settings.mappings, {})
    if loaded.problems:
        raise ConfigError(loaded.problems)
    found = findings(settings, list(loaded.mappings.values()), send=send, publish=publish)
    shown = []
    for finding in found if as_json else merge_findings(found):
        shown.append(finding)
        if not as_json:
            print_finding(finding)
    if as_json:
        print_document(findings=[each.value() for each in shown])
    return FAILED if any(each.status == "error" for each in shown) else 0


def findings(
    settings: Settings, mappings: list[Mapping], *, send: bool = False, publish: bool = False
) -> Iterator[Finding]:
    """Run all checks, and yield their findings in the order of the checks."""
    # Discard log lines, because the findings contain the same information. Without a handler, Python would print
    # warnings.
    logging.getLogger("bridge").addHandler(logging.NullHandler())
    yield from examine(_checks(settings, mappings, send=send, publish=publish))


def merge_findings(found: Iterable[Finding]) -> Iterator[Finding]:
    """Merge successive errors or warnings about streams into one finding if their texts are equal.

    For example, if an endpoint does not respond, the output has one finding with the names of all its streams.
    """
    for (is_stream, *_), same in groupby(found, _merge_key):
        first, *more = same
        if is_stream and first.status in ("warning", "error"):
            names = [each.subject.removeprefix(_STREAM) for each in more]
            yield replace(first, subject=", ".join([first.subject, *names]))
        else:
            yield from (first, *more)


def _merge_key(finding: Finding) -> tuple[bool, str, str, str]:
    return finding.subject.startswith(_STREAM), finding.status, finding.message, finding.advice


def print_finding(finding: Finding) -> None:
    """Print a finding. Escape the characters that the encoding of the output lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    marks = _MARKS if _encodable("".join(_MARKS.values()), encoding) else _PLAIN_MARKS
    text = "\n".join(_lines(finding, marks[finding.status])).encode(encoding, "backslashreplace").decode(encoding)
    print_coloured(text, {"^[✓+]": GOOD, "^!": WARN, "^[✗x] .*$": BAD})


def _encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _lines(finding: Finding, mark: str) -> Iterator[str]:
    yield printable(f"{mark} {finding.subject}: {finding.message}")
    for each in (*finding.details, *([finding.advice] if finding.advice else [])):
        yield f"    {printable(each)}"


def _checks(settings: Settings, mappings: list[Mapping], *, send: bool, publish: bool) -> list[Check]:
    """Return all checks as (name, function), in the order of the output. `examine` runs them in parallel."""
    how, session = publisher_settings(settings), settings.mqtt
    publisher, destinations = KinesisPublisher(how), _destinations(settings, mappings)
    endpoints, identities = service_endpoints(how, destinations), {each.role_arn: each for each in destinations}
    # Measure the uplink once per region, because all streams of a region have the same endpoint.
    regions = {region_of(how, each): each for each in destinations}
    spool, manifests = settings.spool, settings.kinesis.manifest
    # Send no test record to the stream of the manifests. `prove` would report it, because it is not a manifest.
    without_test_record = manifests.data_stream if manifests else ""
    # Two checks need the fsync time. Cache it, so that the disk is measured only once.
    syncs = cache(partial(measure_syncs, spool.path))
    # The broker check sets this rate. If no bridge runs, the spool check waits for the rate on another thread.
    measured_rate = SharedRate()
    broker_target = BrokerTarget(session, Router(mappings), partial(_sync_secs, syncs), measured_rate, publish)
    return [
        ("firewall", lambda: [_openings(session, endpoints, unlisted_types(how.authentication))]),
        ("broker", partial(examine_broker, broker_target)),
        *((f"endpoint {each.url}", partial(examine_endpoint, how, each)) for each in endpoints),
        *(
            ("credentials", partial(examine_identity, publisher, each, by_sts=not without_sts(how)))
            for each in identities.values()
        ),
        *(
            (
                f"stream {each.data_stream}",
                partial(examine_stream, publisher, each, send=send and each.data_stream != without_test_record),
            )
            for each in destinations
        ),
        *(
            (f"uplink to {region}", partial(examine_uplink, publisher, each, region, partial(_backlog, spool.path)))
            for region, each in regions.items()
        ),
        ("disk", partial(examine_sync, spool.path, syncs)),
        (
            "spool",
            partial(
                examine_room,
                spool.path,
                spool.max_bytes,
                spool.min_free_bytes,
                partial(_rate, spool.path, measured_rate),
            ),
        ),
    ]


def _destinations(settings: Settings, mappings: list[Mapping]) -> list[Destination]:
    """Return the streams of all outputs and the stream of the manifests, without repetitions."""
    wanted = [output.destination for mapping in mappings for output in mapping.outputs]
    if settings.kinesis.manifest:
        wanted.append(Destination(settings.kinesis.manifest.data_stream))
    # Ignore the packing and the order of an output, because the checks do not depend on them.
    return list({(each.data_stream, each.region, each.role_arn): each for each in wanted}.values())


def _openings(session: MqttSettings, endpoints: Iterable[ServiceEndpoint], unlisted: Iterable[str]) -> Finding:
    """Return the finding that lists the outbound connections that a firewall must permit.

    `unlisted` contains the types of authentication whose hosts are unknown.
    """
    opened = [{"host": each.host, "port": each.port, "use": "broker", "proxy": ""} for each in session.addresses]
    opened += [{"host": each.host, "port": each.port, "use": each.use, "proxy": each.proxy} for each in endpoints]
    lines = [_opening(each) for each in opened]
    proxies = dict.fromkeys(each.proxy for each in endpoints if each.proxy)
    lines += [f"{proxy}  proxy" for proxy in proxies]
    lines += [f"also the hosts that provide the credentials (type: {each}), which are not known" for each in unlisted]
    return Finding(
        "firewall", "firewall", "info", "required outbound connections:", "", tuple(lines), {"connections": opened}
    )


def _opening(connection: dict[str, Any]) -> str:
    # An IPv6 address needs brackets, because it contains colons itself.
    host = f"[{connection['host']}]" if ":" in connection["host"] else connection["host"]
    via = f", through proxy {connection['proxy']}" if connection["proxy"] else ""
    return f"{host}:{connection['port']}  {connection['use']}{via}"


def _running(folder: Path) -> dict[str, Any] | None:
    """Return the status of the running bridge or supervisor, or None if no bridge runs."""
    try:
        return request(control_folder(folder), timeout_secs=2.0)
    except BridgeError:
        return None


def _rate(folder: Path, measured_rate: SharedRate) -> SpoolRate | None:
    """Return the rate into the spool of the running bridge. If no bridge runs, return the rate of the broker check."""
    return rate_of_bridge(partial(_running, folder)) or measured_rate.rate(DEADLINE_SECS)


def _backlog(folder: Path) -> Backlog | None:
    """Return the backlog of the running bridge. If no bridge runs, return the backlog in the spools on disk."""
    response = _running(folder)
    return backlog_of_bridge(response) if response is not None else backlog_on_disk(spool_folders(folder).values())


def _sync_secs(measure: Callable[[], FsyncTimes]) -> float:
    try:
        return measure().median
    except OSError:
        # The disk check reports the error. The broker check calculates without the time of an fsync.
        return 0.0
