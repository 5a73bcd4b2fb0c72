"""Simulated factory: the messages of its machines, and the times at which they publish them.

The simulation is deterministic: the same clock and seed produce the same messages.

Presses on three production lines publish telemetry, part counts, states, vibration samples, and a description of
themselves. Two meters publish energy values. Every few seconds, the presses of one line publish a burst of telemetry.
Occasionally a machine publishes a malformed message, as real machines do.
"""

from __future__ import annotations

import json
import math
import random
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SITE = "pdx"
LINES = 3
MACHINES_A_LINE = 6
TELEMETRY_SECS = 0.1
INFO_EVERY_SECS = 30.0
BURST_EVERY_SECS = 6.0
BURST_MESSAGES = 150
MALFORMED_EVERY_SECS = 2.5
# The next state of a machine is a random item of this list. RUN occurs four times, so the machines mostly run.
STATES = ("RUN", "RUN", "RUN", "RUN", "IDLE", "FAULT", "OFF")


class FactoryEvent(NamedTuple):
    """One message that the factory publishes."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(slots=True)
class Machine:
    """One press: its current state, and the times of its next messages."""

    line: str
    name: str
    telemetry_at: float
    vibration_at: float
    state_at: float
    info_at: float
    state: str = "RUN"
    parts: int = 0

    @property
    def topic(self) -> str:
        """Topic prefix of the machine."""
        return f"factory/{SITE}/{self.line}/{self.name}"


@dataclass(slots=True)
class Factory:
    """Simulated factory. Its times are seconds of a monotonic clock.

    `epoch_ms` is the time of day at `started_at`, in milliseconds since 1970.
    """

    seed: int = 7
    started_at: float = 0.0
    epoch_ms: int = 1_700_000_000_000
    _random: random.Random = field(init=False)
    _machines: list[Machine] = field(init=False)
    _burst_at: float = field(init=False)
    _malformed_at: float = field(init=False)
    _energy_at: float = field(init=False)
    _watt_hours: int = 100_000

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - a simulation needs no secure random numbers
        start = self.started_at
        # Use random start times, so that the machines do not all publish at the same time.
        self._machines = [
            Machine(
                f"line{line}",
                f"press{line}{number:02d}",
                telemetry_at=start + self._random.random() * TELEMETRY_SECS,
                vibration_at=start + self._random.random() * 2,
                state_at=start + self._random.random() * 3,
                info_at=start + self._random.random(),
            )
            for line in range(1, LINES + 1)
            for number in range(1, MACHINES_A_LINE + 1)
        ]
        self._burst_at = start + 3
        self._malformed_at = start + 1.5
        self._energy_at = start

    def events(self, now: float) -> Iterator[FactoryEvent]:
        """Yield the messages of the time since the last call, up to the time `now`."""
        for machine in self._machines:
            yield from self._of_machine(machine, now)
        while self._energy_at <= now:
            yield from self._energy()
            self._energy_at += 1
        while self._burst_at <= now:
            line = self._random.choice(self._machines).line
            members = [machine for machine in self._machines if machine.line == line]
            for number in range(BURST_MESSAGES):
                yield self._telemetry(members[number % len(members)], now)
            self._burst_at += BURST_EVERY_SECS
        while self._malformed_at <= now:
            yield self._malformed()
            self._malformed_at += MALFORMED_EVERY_SECS

    def _of_machine(self, machine: Machine, now: float) -> Iterator[FactoryEvent]:
        while machine.info_at <= now:
            yield self._info(machine)
            machine.info_at += INFO_EVERY_SECS
        while machine.state_at <= now:
            machine.state = self._random.choice(STATES)
            machine.state_at += self._random.uniform(3, 9)
            yield FactoryEvent(f"{machine.topic}/state", machine.state.encode(), retain=True)
        while machine.telemetry_at <= now:
            yield self._telemetry(machine, machine.telemetry_at)
            if machine.state == "RUN" and self._random.random() < 0.1:  # noqa: PLR2004 - a part per ten messages
                machine.parts += 1
                yield FactoryEvent(f"{machine.topic}/count", str(machine.parts).encode())
            machine.telemetry_at += TELEMETRY_SECS
        while machine.vibration_at <= now:
            yield self._vibration(machine, machine.vibration_at)
            machine.vibration_at += 2

    def _info(self, machine: Machine) -> FactoryEvent:
        value = {"serial": f"HP-{machine.name[-3:]}", "model": "HP-200", "firmware": "2.4.1"}
        return FactoryEvent(f"{machine.topic}/info", json.dumps(value).encode(), retain=True)

    def _vibration(self, machine: Machine, at: float) -> FactoryEvent:
        samples = [
            {
                "sensor": f"{machine.name}-{'xy'[number % 2]}",
                "t": self._epoch_ms_at(at) + 10 * number,
                "v": round(self._random.uniform(0.1, 2.0), 2),
            }
            for number in range(6)
        ]
        return FactoryEvent(f"{machine.topic}/vibration", json.dumps({"samples": samples}).encode())

    def _epoch_ms_at(self, at: float) -> int:
        return self.epoch_ms + int((at - self.started_at) * 1000)

    def _telemetry(self, machine: Machine, at: float) -> FactoryEvent:
        # Use degrees Fahrenheit, so that the mapping has a unit to convert.
        heat = {"RUN": 190.0, "IDLE": 120.0, "FAULT": 230.0, "OFF": 70.0}[machine.state]
        value = {
            "ts": self._epoch_ms_at(at),
            "temperature_f": round(heat + 5 * math.sin(at) + self._random.uniform(-2, 2), 1),
            "pressure_bar": round(6 + self._random.uniform(-0.5, 0.5), 3),
            "status": machine.state,
        }
        return FactoryEvent(f"{machine.topic}/telemetry", json.dumps(value).encode())

    def _energy(self) -> Iterator[FactoryEvent]:
        for meter in ("main", "compressors"):
            kilowatts = self._random.uniform(80, 140)
            # Energy of one second: 1 kW for 1 s is 1/3.6 Wh.
            self._watt_hours += int(kilowatts / 3.6)
            yield FactoryEvent(f"factory/{SITE}/energy/{meter}", struct.pack(">fI", kilowatts, self._watt_hours), qos=2)

    def bad_message(self) -> FactoryEvent:
        """Return a message of a part counter whose payload is not a number."""
        return FactoryEvent(f"{self._random.choice(self._machines).topic}/count", b"not a number")

    def _malformed(self) -> FactoryEvent:
        machine = self._random.choice(self._machines)
        return self._random.choice(
            (
                # Faults of the messages below: incomplete JSON, text instead of a number within JSON, a count that is
                # not a number, an object without `samples`, an object without `serial`.
                FactoryEvent(f"{machine.topic}/telemetry", b'{"ts": 1700000000000, "temperature_f": 19'),
                FactoryEvent(
                    f"{machine.topic}/telemetry",
                    b'{"ts": 1, "temperature_f": "n/a", "pressure_bar": 6, "status": "RUN"}',
                ),
                FactoryEvent(f"{machine.topic}/count", b"ERR 17"),
                FactoryEvent(f"{machine.topic}/vibration", b'{"error": "overrun"}'),
                FactoryEvent(f"{machine.topic}/info", b'{"model": "HP-200"}', retain=True),
            )
        )
