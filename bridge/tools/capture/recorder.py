"""Recorder of `capture`: it writes received messages to a file, up to a limit, and returns their acknowledgements."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from bridge.errors import BridgeError
from bridge.model import NO_PROPERTIES, Message
from bridge.mqtt.packet_stream import PUBACK, PUBCOMP, PUBREC, PUBREL, ProtocolViolation
from bridge.mqtt.properties import parse_properties
from bridge.tools.capture.file_format import to_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bridge.mqtt.packet_stream import Publish


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """Limits of a capture. The first limit that is reached ends the capture."""

    messages: int
    bytes: int


class TrafficRecorder:
    """Writer of one capture file. It creates the file, and only the owner can read the file."""

    def __init__(
        self,
        file: Path,
        bounds: CaptureLimits,
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Create the file. Raise BridgeError if it exists already or cannot be created."""
        self.messages = 0
        self.bytes = 0
        self.unreadable = 0
        """Number of messages that were not written, because their topic is not UTF-8 and JSON cannot contain it."""
        self.full = ""
        """Name of the limit that was reached, "messages" or "bytes", or "" if no limit was reached yet."""
        self._file = file
        self._bounds = bounds
        self._now_ms = now_ms
        self._open_packets: set[bytes] = set()
        try:
            self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise BridgeError(f"{file} exists already; choose another name, or remove it") from None
        except OSError as error:
            raise BridgeError(f"{file} cannot be created: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def record(self, burst: list[Publish]) -> bytes:
        """Write the messages of a burst until a limit is reached. Return the acknowledgements of the complete burst.

        Raise BridgeError if the file cannot be written.
        """
        acknowledgements: list[bytes] = []
        lines: list[bytes] = []
        now_ms = self._now_ms()
        for first, topic, packet_id, raw_properties, payload, total_bytes in burst:
            qos = first >> 1 & 3
            if first == PUBREL:
                self._open_packets.discard(packet_id)
                acknowledgements.append(PUBCOMP + packet_id)
                continue
            if qos == 1:
                acknowledgements.append(PUBACK + packet_id)
            elif qos == 2:  # noqa: PLR2004 - QoS 2
                acknowledgements.append(PUBREC + packet_id)
                # The broker may repeat a QoS 2 message until it has sent PUBREL for this message. Acknowledge the
                # message again, but write it only once.
                if packet_id in self._open_packets:
                    continue
                self._open_packets.add(packet_id)
            try:
                name = topic.decode()
            except UnicodeDecodeError:
                self.unreadable += 1
                continue
            message = Message(name, payload, qos, first & 1 == 1, now_ms, _properties(raw_properties))
            self._append(to_line(message, total_bytes), lines)
        self._write(b"".join(lines))
        return b"".join(acknowledgements)

    def session_began(self) -> None:
        """Forget the packet identifiers of QoS 2 messages, because a new session uses them for other messages."""
        self._open_packets.clear()

    def _append(self, line: bytes, lines: list[bytes]) -> None:
        if not self.full and self.bytes + len(line) > self._bounds.bytes:
            self.full = "bytes"
        if self.full:
            return
        lines.append(line)
        self.messages += 1
        self.bytes += len(line)
        if self.messages >= self._bounds.messages:
            self.full = "messages"

    def _write(self, data: bytes) -> None:
        remaining = memoryview(data)
        try:
            while remaining:
                remaining = remaining[os.write(self._descriptor, remaining) :]
        except OSError as error:
            raise BridgeError(
                f"{self._file} cannot be written: {error.strerror}; the messages before the error can be read"
            ) from None


def _properties(raw: bytes) -> Mapping[str, Any]:
    if not raw:
        return NO_PROPERTIES
    try:
        return parse_properties(raw)
    except ProtocolViolation as error:
        return {"unreadable": str(error)}
