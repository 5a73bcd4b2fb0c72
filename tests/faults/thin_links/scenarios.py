"""Links to test: not every combination of values, but every pair of two values at least once. A test checks this.

Each of the three groups with constant rates has every rate once, and a calibrated sender that shows how precise the
measurement was.
"""

from tests.faults.thin_links.group import LinkGroup
from tests.faults.thin_links.link_run import FASTER_AND_SLOWER, SLOW_ENDPOINT, SLOWER_AND_FASTER, LinkRun

LIVE = {"load": "live", "policy": "live_first"}
TLS = {"tls": True}
LARGE = {"message_bytes": 1_000}

FIRST = (
    LinkRun(8_000, "kernel", packing="none", **LIVE),
    LinkRun(16_000, "kernel", packing="kpl", **TLS, **LARGE, **LIVE),
    LinkRun(32_000, "proxy", packing="lines", **LARGE),
    LinkRun(64_000, "proxy", packing="none", **TLS, **LARGE, **LIVE),
    LinkRun(256_000, "proxy", packing="kpl", **LIVE),
    LinkRun(1_250_000, "proxy", packing="lines", **TLS),
)
SECOND = (
    LinkRun(8_000, "proxy", packing="kpl", **TLS, **LARGE),
    LinkRun(16_000, "proxy", packing="lines", **LARGE, **LIVE),
    LinkRun(32_000, "router", packing="none", **TLS),
    LinkRun(64_000, "router", packing="kpl", **TLS),
    LinkRun(256_000, "kernel", packing="lines", **TLS),
    LinkRun(1_250_000, "kernel", packing="none", **LARGE, **LIVE),
)
THIRD = (
    LinkRun(8_000, "router", packing="lines", **TLS, **LIVE),
    LinkRun(16_000, "router", packing="none", **TLS),
    LinkRun(32_000, "kernel", packing="kpl", **LARGE, **LIVE),
    LinkRun(64_000, "kernel", packing="lines", **LARGE, **LIVE),
    LinkRun(256_000, "router", packing="none", **LARGE),
    LinkRun(1_250_000, "router", packing="kpl"),
)
COVERING = (*FIRST, *SECOND, *THIRD)

SCENARIOS = (
    LinkGroup(
        "thin links: 8 to 1,250 kB/s, first set",
        (
            LinkRun(64_000, "kernel", sender="calibrated"),
            *FIRST,
            LinkRun(64_000, "kernel", packing="none", streams=3, delay_secs=0.05),
        ),
    ),
    LinkGroup(
        "thin links: 8 to 1,250 kB/s, second set",
        (
            LinkRun(16_000, "proxy", sender="calibrated", packing="kpl"),
            *SECOND,
            LinkRun(128_000, "proxy", packing="kpl", streams=3, **TLS, **LIVE),
        ),
    ),
    LinkGroup(
        "thin links: 8 to 1,250 kB/s, third set",
        (
            LinkRun(256_000, "router", sender="calibrated", packing="lines", **TLS),
            *THIRD,
            LinkRun(256_000, "proxy", packing="kpl", load="live", delay_secs=0.1),
        ),
    ),
    LinkGroup(
        "thin links: rates that change tenfold, 2 % of the packets lost, responses after 5 and 20 s",
        (
            LinkRun(64_000, "router", loss=0.02, sender="calibrated"),
            LinkRun(256_000, "proxy", phases=SLOWER_AND_FASTER),
            LinkRun(128_000, "router", packing="kpl", phases=SLOWER_AND_FASTER, **TLS),
            LinkRun(256_000, "kernel", packing="lines", phases=FASTER_AND_SLOWER),
            LinkRun(32_000, "kernel", loss=0.02),
            LinkRun(128_000, "router", packing="kpl", loss=0.02, **TLS, **LIVE),
            LinkRun(64_000, "proxy", phases=SLOW_ENDPOINT),
            LinkRun(128_000, "kernel", packing="kpl", phases=SLOW_ENDPOINT, **TLS, **LARGE),
        ),
    ),
)
