"""`doctor`: asks the real world, and prints what is well and what is not, with what to do."""

from __future__ import annotations

import os
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from bridge.asking import ask
from bridge.assembly import publisher_settings, session_settings
from bridge.cli.app import FAILED
from bridge.config import load_settings
from bridge.doctor.aws import examine_endpoint, examine_identity, examine_stream
from bridge.doctor.broker import examine_broker
from bridge.doctor.disk import examine_fsync, examine_room
from bridge.doctor.examine import examine
from bridge.doctor.findings import well
from bridge.errors import BridgeError, ConfigError
from bridge.kinesis.client import Publisher
from bridge.mapping.loader import load_folder
from bridge.mapping.routes import Routes
from bridge.mapping.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.config import Settings
    from bridge.doctor.findings import Finding
    from bridge.mapping.mapping import Mapping
    from bridge.model import Destination

_MARKS = {"well": "✓", "warning": "!", "failed": "✗"}


def doctor(config: Path, *, send: bool, as_json: bool) -> int:
    """0 if nothing failed, else 1. Raises ConfigError."""
    settings = load_settings(config, os.environ)
    loaded = load_folder(settings.mappings, {})
    if loaded.problems:
        raise ConfigError(loaded.problems)
    found = examine(_checks(settings, list(loaded.mappings.values()), send=send))
    if as_json:
        print(orjson.dumps([asdict(each) for each in found]).decode())
    else:
        print("\n".join(_line(each) for each in found))
    return FAILED if any(each.state == "failed" for each in found) else 0


def _line(finding: Finding) -> str:
    advice = f"\n    {finding.advice}" if finding.advice else ""
    return printable(f"{_MARKS[finding.state]} {finding.subject}: {finding.said}") + advice


def _checks(
    settings: Settings, mappings: list[Mapping], *, send: bool
) -> list[tuple[str, Callable[[], Iterable[Finding]]]]:
    publisher = Publisher(publisher_settings(settings))
    destinations = {
        (each.data_stream, each.region, each.role_arn): each
        for each in (output.destination for mapping in mappings for output in mapping.outputs)
    }
    identities = {each.role_arn: each for each in destinations.values()}
    spool, urls = settings.spool, _endpoints(publisher, destinations.values())
    return [
        ("firewall", lambda: [well("firewall", _openings(settings, urls))]),
        ("broker", partial(examine_broker, session_settings(settings), Routes(mappings).filters())),
        *(
            (f"endpoint {url}", partial(_endpoint, settings, url))
            for url in _endpoints(publisher, destinations.values())
        ),
        *(("credentials", partial(examine_identity, publisher, each)) for each in identities.values()),
        *(
            (f"stream {each.data_stream}", partial(examine_stream, publisher, each, send=send))
            for each in destinations.values()
        ),
        ("disk", partial(examine_fsync, spool.path)),
        ("spool", lambda: examine_room(spool.path, spool.max_bytes, spool.min_free_bytes, _running(spool.path))),
    ]


def _endpoint(settings: Settings, url: str) -> Iterable[Finding]:
    ca_file = settings.kinesis.ca_file
    return examine_endpoint(f"endpoint {url}", url, str(ca_file) if ca_file else None)


def _endpoints(publisher: Publisher, destinations: Iterable[Destination]) -> list[str]:
    """Of Kinesis in each region, and of STS where roles are taken on."""
    urls = [publisher.endpoint("kinesis", each) for each in destinations]
    return list(dict.fromkeys([*urls, *(publisher.endpoint("sts", each) for each in destinations)]))


def _openings(settings: Settings, urls: Iterable[str]) -> str:
    """What must be let out, by name and port."""
    session = session_settings(settings)
    places = [f"{address.host}:{address.port}" for address in session.addresses]
    for url in urls:
        parts = urlsplit(url)
        places.append(f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}")
    if (proxy := settings.kinesis.proxy_url) is not None:
        parts = urlsplit(proxy.get_secret_value())
        places.append(f"{parts.hostname}:{parts.port} (the proxy, in the place of AWS's)")
    if (endpoint := getattr(settings.kinesis.authentication, "endpoint", None)) is not None:
        places.append(f"{endpoint}:443")
    return f"let TCP out to {', '.join(dict.fromkeys(places))}"


def _running(folder: Path) -> dict[str, Any] | None:
    try:
        return ask(folder, patience_secs=2.0)
    except BridgeError:
        return None
