"""Telemetry like that of a plant: JSON messages of about 200 bytes. Each contains its number."""

from collections.abc import Callable, Iterator

TOPIC_FILTER = "factory/+/+/+/telemetry"
SHAPE = (
    b'{"ts":%d,"machine":"press%03d","temperature":%.1f,"pressure":101.3,"status":"RUN","count":%d,'
    b'"tags":{"site":"pdx","line":"l3","shift":"A"},"vib":[0.01,0.02,0.03],"firmware":"4.11.2"}'
)


def telemetry(
    count: int, *, topics: int = 200, first: int = 0, now: Callable[[], int] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield (topic, payload) of the messages `first` to `first + count - 1`. `count` in the payload is the number.

    `now` returns the `ts` of a message when the message is created. Without `now`, `ts` is 1700000000000 + number.
    """
    names = [f"factory/pdx/line3/press{number:03d}/telemetry" for number in range(topics)]
    for number in range(first, first + count):
        machine = number % topics
        ts = now() if now else 1_700_000_000_000 + number
        yield names[machine], SHAPE % (ts, machine, 20.5 + number % 50, number)
