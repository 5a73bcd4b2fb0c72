"""Section mapping: cost of decoding, transform and partition key, without broker, spool and Kinesis."""

import json
import time
from dataclasses import dataclass

from bridge.mapping.loading.mapping_loader import compile_text
from bridge.mapping.loading.resources import NO_RESOURCES
from bridge.model import Message
from tests.benchmarks.load import MAPPING
from tests.benchmarks.scoreboard import Figure
from tests.harness.telemetry import telemetry


@dataclass
class MappingCost:
    messages: int
    cpu_us_per_message: float

    def figures(self) -> list[Figure]:
        return [Figure("mapping alone", self.cpu_us_per_message, "µs/message")]


def measure(*, quick: bool, note) -> MappingCost:
    count = 10_000 if quick else 100_000
    note(f"{count:,} messages, without broker, spool and Kinesis")
    return cost(count)


def cost(count: int, *, rounds: int = 3) -> MappingCost:
    """Return the best of some rounds, because other programs may have disturbed the others."""
    mapping = compile_text(json.dumps(MAPPING), "press-telemetry", NO_RESOURCES, shown_as="press-telemetry")
    messages = [Message(topic, payload, 1, False, 1_700_000_000_000) for topic, payload in telemetry(count)]
    best = min(_round(mapping, messages) for _ in range(rounds))
    return MappingCost(count, best / count * 1e6)


def _round(mapping, messages):
    matched = [(message, mapping.pattern.match(message.topic), message.topic.split("/")) for message in messages]
    started = time.process_time()
    drafts = sum(len(mapping.apply(*each).drafts) for each in matched)
    took = time.process_time() - started
    assert drafts == len(messages), f"{drafts} records of {len(messages)} messages"
    return took
