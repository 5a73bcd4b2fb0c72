"""Parameters of the test of one link: its rate and medium, the messages, and its changes in order."""

from dataclasses import dataclass

from tests.faults.thin_links.capacity import Shape, carried
from tests.faults.thin_links.kernel_link import FRAME_HEADER_BYTES
from tests.faults.thin_links.proxy import HEADER_BYTES

BACKLOG = 30_000
LIVE_SHARE = 0.5
"""Rate of live traffic, as a share of what the link can carry."""

LIVE_BACKLOG_SECS = 160.0
"""Additional backlog. With live traffic, the backlog is not refilled, so it must last for the entire measurement."""


@dataclass(frozen=True)
class Phase:
    """Part of a run in which the link does not change. The first `settle_secs` are not measured.

    The link has `rate_factor` of its rate, and Kinesis responds after `response_secs`.
    """

    measure_secs: float = 120.0
    settle_secs: float = 30.0
    rate_factor: float = 1.0
    response_secs: float = 0.0


STEADY = (Phase(),)
SLOWER_AND_FASTER = (Phase(), Phase(rate_factor=0.1), Phase())
FASTER_AND_SLOWER = (Phase(rate_factor=0.1), Phase(), Phase(rate_factor=0.1))
# If responses take 20 s, the bridge learns nothing for 20 s, and adapts its requests only once in this time.
SLOW_ENDPOINT = (Phase(), Phase(response_secs=5), Phase(settle_secs=60, response_secs=20), Phase())


@dataclass(frozen=True)
class LinkRun:
    """Test of one link.

    rate     bytes per second
    medium   proxy, kernel (limited in the edge) or router (limited behind the edge)
    load     backlog (30,000 messages, refilled) or live (half of what the link can carry, and a backlog)
    loss     share of lost packets in each direction
    sender   bridge or calibrated
    """

    rate: int
    medium: str = "proxy"
    tls: bool = False
    packing: str = "none"
    message_bytes: int = 200
    load: str = "backlog"
    policy: str = "oldest_first"
    streams: int = 1
    delay_secs: float = 0.02
    loss: float = 0.0
    phases: tuple[Phase, ...] = STEADY
    sender: str = "bridge"

    @property
    def shape(self) -> Shape:
        """Kind of messages and requests on this link."""
        header_bytes = HEADER_BYTES if self.medium == "proxy" else FRAME_HEADER_BYTES
        return Shape(self.packing, self.message_bytes, self.tls, header_bytes)

    @property
    def needs_root(self) -> bool:
        return self.medium != "proxy"

    def carried(self, phase: Phase) -> float:
        """Return the payload in bytes per second that the link can carry in a phase."""
        return carried(self.shape, self.rate * phase.rate_factor)

    @property
    def highest(self) -> float:
        """Payload in bytes per second in the fastest phase."""
        return max(map(self.carried, self.phases))

    @property
    def live_rate(self) -> float:
        """Live messages per second. Each of them is sent to every stream."""
        if self.load != "live":
            return 0.0
        return LIVE_SHARE * min(map(self.carried, self.phases)) / self.message_bytes / self.streams

    @property
    def backlog(self) -> int:
        """Number of messages that are published at the beginning, as a backlog."""
        lasting = (self.highest / self.message_bytes / self.streams - self.live_rate) * LIVE_BACKLOG_SECS
        return max(BACKLOG, int(lasting)) if self.live_rate else BACKLOG

    @property
    def link_name(self) -> str:
        details = [self.medium]
        details += [f"{self.loss:.0%} loss"] if self.loss else []
        details += [f"+{self.delay_secs * 2000:.0f} ms"] if self.delay_secs else []
        return f"{self.rate / 1000:,.0f} kB/s ({', '.join(details)})"

    @property
    def load_name(self) -> str:
        parts = ["backlog and live" if self.live_rate else "backlog"]
        parts += [self.policy] if self.live_rate else []
        parts += [f"{self.streams} streams"] if self.streams > 1 else []
        if self.phases == SLOW_ENDPOINT:
            parts.append("responses after 0, 5, 20, 0 s")
        elif len(self.phases) > 1:
            parts.append(f"rate times {', '.join(f'{phase.rate_factor:g}' for phase in self.phases)}")
        return ", ".join(parts) if self.sender == "bridge" else "calibrated sender"
