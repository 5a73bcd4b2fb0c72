"""Construction of the bridge's components from its settings.

Only this module depends on both the settings and the components.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from bridge.aws.credentials import Authentication
from bridge.config import fingerprint
from bridge.config.authentication import AssumeRole
from bridge.delivery.settings import SenderSettings
from bridge.errors import ConfigError, Problem
from bridge.kinesis.bandwidth import BandwidthLimiter
from bridge.kinesis.publisher import KinesisPublisher, PublisherSettings
from bridge.mapping.loading.live_mappings import LiveMappings
from bridge.runtime.service import Service
from bridge.spool.lock import FolderLock

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.config import Settings
    from bridge.config.authentication import Authentication as AuthenticationSettings
    from bridge.config.authentication import Source


def publisher(settings: Settings, uplink: BandwidthLimiter | None = None) -> KinesisPublisher:
    """Return the Kinesis publisher. All streams share it."""
    return KinesisPublisher(publisher_settings(settings, uplink))


def publisher_settings(settings: Settings, uplink: BandwidthLimiter | None = None) -> PublisherSettings:
    """Return the endpoint and authentication settings of Kinesis.

    The settings contain secrets. Only this function converts them to plain text.
    """
    kinesis = settings.kinesis
    return PublisherSettings(
        region=kinesis.region,
        authentication=_authentication(kinesis.authentication),
        endpoint_url=kinesis.endpoint_url,
        sts_endpoint_url=kinesis.sts_endpoint_url,
        fips=kinesis.fips,
        dual_stack=kinesis.dual_stack,
        proxy_url=kinesis.proxy_url.get_secret_value() if kinesis.proxy_url else None,
        ca_file=str(kinesis.ca_file) if kinesis.ca_file else None,
        # All streams share these connections. The number is small because few streams are busy at the same time. If
        # all connections are in use, a request opens a temporary one.
        max_connections=max(16, 4 * kinesis.requests_in_flight),
        uplink=uplink,
    )


def _authentication(settings: AuthenticationSettings | Source) -> Authentication:
    source = settings.source if isinstance(settings, AssumeRole) else None
    return Authentication(settings.type, settings.plain(), _authentication(source) if source else None)


def sender_settings(settings: Settings, uplink: BandwidthLimiter | None = None) -> SenderSettings:
    """Return the settings of senders, which apply to every stream."""
    kinesis = settings.kinesis
    return SenderSettings(kinesis.requests_in_flight, kinesis.linger_ms / 1000, bandwidth=uplink)


def live_mappings(settings: Settings, kept: Path) -> LiveMappings:
    """Load and return the active mappings. Raises ConfigError if no mapping can be loaded.

    `kept` is a folder. It stores the last good version of each mapping file: the last version that had no errors.
    """
    mappings = LiveMappings(settings.mappings, kept, shared=settings.mqtt.share is not None)
    mappings.reload()
    if not mappings.routes.mappings:
        raise ConfigError(mappings.problems or [Problem(str(settings.mappings), 0, 0, "", "no active mapping")])
    return mappings


def assemble(settings: Settings, *, draining: bool = False, sharing: bool = False) -> Service:
    """Return the bridge with these settings. `Service.__init__` explains `draining` and `sharing`.

    Raises ConfigError, SpoolInUse, SpoolWriteError.
    """
    spool = settings.spool
    # `live_mappings` writes files into the spool's folder. The lock prevents this while another bridge uses the folder.
    with closing(FolderLock(spool.path)):
        mappings = live_mappings(settings, spool.path / "in-force")
    max_bytes_per_sec = settings.kinesis.max_bytes_per_sec
    uplink = None if max_bytes_per_sec is None else BandwidthLimiter(max_bytes_per_sec)
    return Service(
        settings.mqtt,
        spool,
        publisher(settings, uplink),
        mappings,
        live_first=settings.kinesis.live_first,
        sender=sender_settings(settings, uplink),
        web=settings.http,
        manifest=settings.kinesis.manifest,
        draining=draining,
        sharing=sharing,
        fingerprint=fingerprint(settings),
    )
