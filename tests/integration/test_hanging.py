"""A commit that hangs in the kernel, because `fsync` does not return."""

import contextlib
import http.client
import json

from tests.harness.bridge_process import BridgeProcess, write_configuration
from tests.harness.publisher import Publisher
from tests.harness.service_manager import ServiceManager
from tests.harness.telemetry import telemetry
from tests.integration.arrivals import TELEMETRY, Arrivals, eventually

SYNCS = "fsync,fdatasync"
HANGS_SECS = 10
STRACE = (
    *("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={SYNCS}"),
    *("-e", f"inject={SYNCS}:delay_enter={HANGS_SECS}s:when=40"),
)
"""strace command that delays the 40th `fsync`. With -D, the bridge stays a child of the test.

https://man7.org/linux/man-pages/man1/strace.1.html
"""
COUNT = 200


def healthz(port):
    """Return (HTTP status, reasons) of /healthz."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    told = answer.status, json.loads(answer.read())["reasons"]
    connection.close()
    return told


def answers(port):
    with contextlib.suppress(OSError):
        return healthz(port)


def test_hanging_ingest_is_detected_and_loses_nothing(tmp_path, mosquitto, kinesis, free_port):
    write_configuration(
        tmp_path,
        mqtt={"url": f"mqtt://127.0.0.1:{mosquitto.port}"},
        kinesis={"endpoint_url": kinesis.url},
        mappings={"press": TELEMETRY},
        http={"listen": f"127.0.0.1:{free_port}"},
    )
    with ServiceManager(str(tmp_path / "notify")) as manager, Publisher(mosquitto.port) as publisher:
        bridge = BridgeProcess(
            tmp_path, environment=manager.environment, wrapper=STRACE, entry=("tests.harness.short_stall_timeout",)
        )
        with bridge:
            manager.until("WATCHDOG=1")
            assert eventually(lambda: answers(free_port), "the page is served") == (200, [])
            publisher.publish(telemetry(COUNT), 1, 40)  # slow enough that most messages have separate commits
            hung = eventually(lambda: told if (told := healthz(free_port))[0] == 503 else None, "it is seen to hang")
            assert hung[1][0].startswith("the ingest thread has made no progress for ")
            manager.waiting()
            silent = []

            def goes_on():
                silent.extend(text for text in manager.waiting() if "WATCHDOG=1" in text)
                return healthz(free_port)[0] == 200

            eventually(goes_on, "the fsync has come back", every_secs=0.2)
            assert silent[1:] == []  # a report may have been sent when the thread continued
            manager.until("WATCHDOG=1")
            assert healthz(free_port) == (200, [])
            Arrivals(kinesis).wait_for_all(range(COUNT))
            assert bridge.stop() == 0
