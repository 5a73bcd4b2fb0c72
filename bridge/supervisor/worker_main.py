"""Program of a worker's process: `python -m bridge.supervisor.worker_main`. Only the supervisor starts it.

A worker is a bridge without a status page. Its main thread responds to requests of the supervisor. If the supervisor
has ended, the worker stops as after SIGTERM.
"""

from __future__ import annotations

import argparse
import base64
import logging
import os
import signal
import sys
import time
import traceback
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.config import load_settings
from bridge.errors import BridgeError, ConfigError
from bridge.mqtt.packet_stream import PUBREL
from bridge.runtime.assembly import assemble
from bridge.runtime.exit_codes import CONFIGURATION, CRASHED, FAILED
from bridge.runtime.log_setup import set_up_logging
from bridge.runtime.process_memory import MallocTuning, freeze_gc, raise_gc_threshold
from bridge.runtime.signals import Signals
from bridge.supervisor.channel import WorkerChannel
from bridge.supervisor.workers import WorkerSlot, settings_of

if TYPE_CHECKING:
    from bridge.mqtt.packet_stream import Publish
    from bridge.runtime.service import Service

log = logging.getLogger(__name__)

# A broker sends the stored messages of a session without pauses, as fast as the client acknowledges them.
QUIET_SECS: Final = 5.0
"""After this time without a message, a session that is being given up counts as empty."""
WATCH_SECS: Final = 1.0
"""Maximum time for which one round of the main loop waits for a signal or a request."""
TAP_SECS: Final = 5.0
"""The worker collects messages for the status page only during this time after each request for messages."""
SHOWN_MESSAGES: Final = 12
"""Maximum number of messages per response."""
# Twelve messages of this size are 4 MB in base64. The channel can transfer this within its timeout.
SHOWN_BYTES: Final = 256 * 1024
"""Maximum payload size of a message that the status page shows."""


def main(arguments: list[str] | None = None) -> int:
    """Run the worker and return the exit code."""
    raise_gc_threshold()
    parser = argparse.ArgumentParser(prog="python -m bridge.supervisor.worker_main", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--draining", action="store_true")
    parser.add_argument("--log-level", required=True)
    for name in ("--number", "--active", "--running", "--channel"):
        parser.add_argument(name, type=int, required=True)
    options = parser.parse_args(arguments)
    slot = WorkerSlot(options.number, options.draining)
    try:
        with Signals() as signals:
            return _run(slot, options, signals, WorkerChannel(options.channel))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return CONFIGURATION
    except BridgeError as error:
        log.error("%s", error)
        return FAILED
    except Exception:  # noqa: BLE001 - a crash has its own exit code
        traceback.print_exc()
        return CRASHED


def _run(slot: WorkerSlot, options: argparse.Namespace, signals: Signals, channel: WorkerChannel) -> int:
    arena = MallocTuning()  # must be created before the first thread starts
    settings = load_settings(options.config, os.environ)
    set_up_logging(settings.log.format, options.log_level, worker=slot.name)
    own = settings_of(settings, slot, options.active, options.running)
    service = assemble(own, draining=slot.draining, sharing=options.active > 1)
    worker = WorkerMain(service, channel, arena, draining=slot.draining)
    return worker.run(signals, settings.stop_secs)


class WorkerMain:
    """The main loop of a worker: it runs a bridge, and handles the supervisor's requests."""

    def __init__(self, service: Service, channel: WorkerChannel, arena: MallocTuning, *, draining: bool) -> None:
        self._service = service
        self._arena = arena
        self._channel = channel
        self._draining = draining
        self._shown: deque[Publish] = deque(maxlen=SHOWN_MESSAGES)
        self._messages_requested_at = 0.0
        self._stop_secs: float | None = None
        self._received = -1
        self._received_at = 0.0

    def run(self, signals: Signals, stop_secs: float) -> int:
        """Run until the worker must stop, stop the bridge, and return the exit code.

        The worker stops after SIGTERM or SIGINT, at the supervisor's request, after the end of the supervisor, or after
        the crash of a thread. A draining worker also stops when its spool and its session are empty.
        """
        self._service.ends_on_hang = True
        self._service.start()
        freeze_gc()  # all long-lived objects exist now
        while not self._service.crashed.is_set() and self._stop_secs is None and not self._channel.disconnected:
            received = signals.wait(WATCH_SECS, self._channel.fileno())
            if received == signal.SIGHUP:
                self._service.request_reload()
            elif received:
                break
            self._serve()
            self._arena.trim_when_due()
            if self._draining and self._drained(time.monotonic()):
                log.info("drained: the buffer is empty, and the broker session is closed")
                break
        if self._channel.disconnected:
            log.warning("the supervisor has ended: stopping")
        finished = self._service.stop(stop_secs if self._stop_secs is None else self._stop_secs)
        log.info("stopped", extra=self._service.totals())
        return CRASHED if self._service.crashed.is_set() else 0 if finished else FAILED

    # -- requests of the supervisor ----------------------------------------------------------------------------------

    def _serve(self) -> None:
        for request in self._channel.requests():
            self._channel.respond(request, self._response_to(request))
        if self._messages_requested_at and time.monotonic() - self._messages_requested_at > TAP_SECS:
            self._messages_requested_at = 0.0
            self._service.set_tap(None)

    def _response_to(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the response to a request. If the disk fails, or no file descriptor is free, return the error."""
        try:
            return self._handle(request)
        except (BridgeError, OSError) as error:
            return {"error": str(error)}

    def _handle(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["command"] == "status":
            return {"snapshot": self._service.snapshot().to_json(), "stalled": self._service.stalled()}
        if request["command"] == "reloading":
            return {"reloading": self._service.mappings.reloading()}
        if request["command"] == "messages":
            return {"messages": self._messages()}
        if request["command"] == "reload":
            self._service.request_reload()
        elif request["command"] == "leave":
            self._service.leave()
        elif request["command"] == "link":
            self._service.limit_uplink(request["bytes_per_sec"])
        elif request["command"] == "stop":
            self._stop_secs = float(request["secs"])
        return {}

    def _messages(self) -> list[tuple[int, str, str, str, str, int]]:
        """Return some of the messages since the last request, with their binary fields in base64.

        After each request, the worker collects messages for TAP_SECS.
        """
        self._messages_requested_at = time.monotonic()
        self._service.set_tap(self._tap)
        taken = []
        while self._shown:
            first, topic, packet_id, properties, payload, size = self._shown.popleft()
            binary = (topic, packet_id, properties, payload)
            taken.append((first, *(base64.b64encode(each).decode() for each in binary), size))
        return taken  # type: ignore[return-value]  # mypy cannot know that there are four texts between the numbers

    def _tap(self, burst: list[Publish]) -> None:
        """Collect about four messages of a burst, but none with a very large payload. The ingest thread calls this."""
        for each in burst[:: max(1, len(burst) // 4)]:
            if each[0] != PUBREL and len(each[4]) <= SHOWN_BYTES:
                self._shown.append(each)

    # -- draining ----------------------------------------------------------------------------------------------------

    def _drained(self, now: float) -> bool:
        try:
            snapshot = self._service.snapshot()
        except (BridgeError, OSError):
            return False
        # Measure the time since the last message, or since the session was given up if that was later.
        if snapshot.received_messages != self._received or not self._service.left:
            self._received, self._received_at = snapshot.received_messages, now
        return now - self._received_at > QUIET_SECS and not snapshot.total("spooled")


if __name__ == "__main__":
    sys.exit(main())
