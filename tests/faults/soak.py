"""Command `make soak SECS=1800 SEED=7`: load for a long time, with one random fault after the other, and a verdict.

The same seed causes the same faults in the same order. SIGKILLs occur only in the first quarter, so that the
measurements after it are of one process. The test measures memory, threads, descriptors, disk and latency after each
recovery. A value counts as growing if the median slope between all pairs of measurements (Theil-Sen estimator) exceeds
its limit.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from statistics import fmean, median

from bridge.delivery.sender_pool import SPARE_THREADS
from bridge.delivery.settings import SenderSettings
from tests.faults import broker_scenarios, disk_scenarios, hostile_scenarios, kinesis_scenarios, network_scenarios
from tests.faults.scenario import DRAIN_SECS, Outcome, Scenario, judged
from tests.faults.scenario_setup import Setup, Stage, staged

KILLING_SHARE = 0.25
MIB = 1024 * 1024
MORE_SENDERS = SenderSettings().requests_in_flight + SPARE_THREADS - 1
"""Maximum number of additional connections. With a slow Kinesis, the bridge opens more connections, and keeps them."""
MEMORY = "memory, MiB"
LIMITS = {
    MEMORY: 6.0,
    "threads": float(MORE_SENDERS),
    "descriptors less threads": 4.0,
    "disk, MiB": 12.0,
    "latency, s": 0.5,
}
"""Maximum increase of each value from the first to the last measurement; for memory, in the second half of the run.

In the first minutes, memory grows by about 15 MiB, because caches and the arenas of the allocator fill. The memory of a
hostile message of 10 MiB stays in an arena for some time, which causes variations of 22 MiB. After that, memory grew by
1.0 MiB in half an hour, and by 3.0 MiB in ten minutes. With one arena (MALLOC_ARENA_MAX=1), 515 rounds of hostile
messages caused no growth. A leak of 100 bytes per message would add 43 MiB in half an hour.
"""


@dataclass(frozen=True)
class Trouble:
    name: str
    fault: object
    hold_secs: tuple[float, float] = (1.0, 5.0)
    needs_root: bool = False
    kills: bool = False


@dataclass
class Story:
    """Results of the run: recovery times by fault, and samples since the last kill as (seconds, {name: value})."""

    recoveries: dict[str, list[float]] = field(default_factory=dict)
    samples: list[tuple[float, dict[str, float]]] = field(default_factory=list)


@contextmanager
def killed(stage: Stage):
    stage.bridge.kill()
    stage.heals()
    stage.bridge.start()
    yield


@contextmanager
def restarted(stage: Stage):
    stage.bridge.stop()
    stage.heals()
    stage.bridge.start()
    yield


@contextmanager
def resharded(stage: Stage):
    """Split the first shard, and merge the last two, so that the number of shards stays the same."""
    for stream in stage.kinesis.streams.values():
        stream.split(stream.open_shards[0].number)
        stream.merge(*(shard.number for shard in stream.open_shards[-2:]))
    yield


TROUBLES = (
    Trouble("SIGKILL", killed, (0, 0), kills=True),
    Trouble("SIGTERM and start", restarted, (0, 0), kills=True),
    Trouble("broker frozen", broker_scenarios.frozen, (1, 12)),
    Trouble("broker restarted", broker_scenarios.restarted, (0, 0)),
    Trouble("broker unreachable", broker_scenarios.unreachable),
    Trouble("broker silent", broker_scenarios.silent, (1, 12)),
    Trouble("connections reset", broker_scenarios.resets, (0, 0)),
    Trouble("some records fail", partial(kinesis_scenarios.partly_failing, share=0.2)),
    Trouble("hot shard throttled", partial(kinesis_scenarios.partly_failing, share=1.0, shard=0)),
    Trouble("5xx", partial(kinesis_scenarios.failing, kind="error")),
    Trouble("5xx in bursts", kinesis_scenarios.bursts, (0, 0)),
    Trouble("bad answers", kinesis_scenarios.bad_answers, (0, 0)),
    Trouble("Kinesis hangs", partial(kinesis_scenarios.failing, kind="hang")),
    Trouble("permission revoked", kinesis_scenarios.refuse("AccessDeniedException", kinesis_scenarios.DENIED)),
    Trouble("resharded", resharded, (0.5, 1)),
    Trouble("packets dropped", partial(network_scenarios.filtered, rule="-j DROP"), (1, 12), needs_root=True),
    Trouble(
        "packets lost",
        partial(network_scenarios.filtered, rule=network_scenarios.ONE_IN_FIVE, chains=["INPUT"]),
        needs_root=True,
    ),
    Trouble(
        "TCP resets",
        partial(network_scenarios.filtered, rule=network_scenarios.TCP_RESET, chains=["INPUT"]),
        needs_root=True,
    ),
    Trouble("link down", network_scenarios.down, (1, 12), needs_root=True),
    Trouble("thin link", partial(network_scenarios.thin, kbit=512), needs_root=True),
    Trouble("sockets killed", network_scenarios.sockets_killed, (0, 0), needs_root=True),
    Trouble("disk full", disk_scenarios.full, needs_root=True),
    Trouble(
        "disk read-only",
        partial(disk_scenarios.calls_fail, calls=disk_scenarios.WRITING, error="EROFS"),
        needs_root=True,
    ),
    Trouble(
        "fsync fails", partial(disk_scenarios.calls_fail, calls=disk_scenarios.SYNCING, error="EIO"), needs_root=True
    ),
)


HOSTILE_MESSAGES = Trouble("hostile messages", hostile_scenarios.hostile)


def soak(
    folder: Path, *, secs: float, seed: int, rate: int, troubles=TROUBLES, hostile: bool = False
) -> tuple[Outcome, Story]:
    root = os.geteuid() == 0
    choose = random.Random(seed)
    playable = [each for each in troubles if root or not each.needs_root]
    playable += [HOSTILE_MESSAGES] * (len(playable) // 4) if hostile else []
    story = Story()
    setup = Setup(rate=rate, link=root, disk_mib=1024 if root else 0, hostile=hostile)
    with staged(replace(setup, spool=hostile_scenarios.SPOOL) if hostile else setup, folder) as stage:
        start = time.monotonic()
        if hostile:  # fill the states of mappings up to their limit before the first measurement
            hostile_scenarios.publish(stage, hostile_scenarios.keys(hostile_scenarios.KEYS))
        stage.load.start()
        stage.flow(rate)
        while (passed := time.monotonic() - start) < secs or not story.samples:
            trouble = choose.choice(playable)
            hold_secs = choose.uniform(*trouble.hold_secs)
            if trouble.kills and passed > secs * KILLING_SHARE:
                continue
            endure(stage, trouble, hold_secs, story)
            if trouble.kills:
                story.samples.clear()
            story.samples.append((time.monotonic() - start, measured(stage)))
            tell(story, trouble)
        sent = stage.load.stop()
        stage.drained(sent, DRAIN_SECS)
        return judged(Scenario(f"soak, seed {seed}", killed), stage, sent, None), story


def endure(stage: Stage, trouble: Trouble, hold_secs: float, story: Story) -> None:
    stage.healed = None
    with trouble.fault(stage):
        stage.hold(hold_secs)
        stage.heals()
    recovery = stage.time_to_recover(DRAIN_SECS)
    assert recovery is not None, f"not recovered from: {trouble.name}:\n{stage.bridge.stderr()[-5000:]}"
    story.recoveries.setdefault(trouble.name, []).append(recovery)


def measured(stage: Stage) -> dict[str, float]:
    """Wait until all messages have arrived and two more seconds have passed. Then measure, and return the values.

    The latency is the time until the messages that the broker has just acknowledged have arrived.
    """
    assert stage.drained(stage.load.acknowledged, DRAIN_SECS)
    stage.hold(2.0)
    published, start = stage.load.acknowledged, time.monotonic()
    assert stage.drained(published, DRAIN_SECS)
    threads, descriptors = (
        float(len(list(Path(f"/proc/{stage.bridge.pid}/{each}").iterdir()))) for each in ("task", "fd")
    )
    values = {
        MEMORY: stage.bridge.rss_bytes / MIB,
        "threads": threads,
        "descriptors less threads": descriptors - threads,
        "disk, MiB": sum(file.stat().st_size for file in (stage.bridge.folder / "data").glob("spool*")) / MIB,
        "latency, s": time.monotonic() - start,
    }
    return dict(zip(LIMITS, (values[name] for name in LIMITS), strict=True))


def tell(story: Story, trouble: Trouble) -> None:
    secs, values = story.samples[-1]
    shown = "  ".join(f"{name} {value:.1f}" for name, value in values.items())
    print(
        f"{secs:7.0f} s  {trouble.name:<22} recovered in {story.recoveries[trouble.name][-1]:5.1f} s  {shown}",
        flush=True,
    )


def gained(points: list[tuple[float, float]]) -> float:
    """Return the increase from the first to the last point, by the median slope; 0 for fewer than two points."""
    slopes = [(b - a) / (y - x) for (x, a), (y, b) in combinations(points, 2) if y > x]
    return median(slopes) * (points[-1][0] - points[0][0]) if slopes else 0.0


def verdicts(story: Story) -> dict[str, tuple[float, float, float, bool]]:
    """Return mean, maximum, increase, and whether the increase is within its limit, for each value."""
    found = {}
    for name, most in LIMITS.items():
        samples = story.samples[len(story.samples) // 2 :] if name == MEMORY else story.samples
        points = [(secs, values[name]) for secs, values in samples]
        gain = gained(points)
        found[name] = (fmean(value for _, value in points), max(value for _, value in points), gain, gain <= most)
    return found


def report(outcome: Outcome, story: Story) -> str:
    lines = ["| trouble | times | recovered in, mean | at most |", "| --- | ---: | ---: | ---: |"]
    for name, secs in sorted(story.recoveries.items()):
        lines.append(f"| {name} | {len(secs)} | {fmean(secs):.1f} s | {max(secs):.1f} s |")
    span = story.samples[-1][0] - story.samples[0][0]
    lines += ["", f"| over {span:,.0f} s of one process | mean | at most | gained | verdict |"]
    lines += ["| --- | ---: | ---: | ---: | --- |"]
    for name, (mean, highest, gain, flat) in verdicts(story).items():
        lines.append(f"| {name} | {mean:.2f} | {highest:.2f} | {gain:+.2f} | {'flat' if flat else 'growing'} |")
    held = f"{outcome.held:,.0f} messages/s held"
    lines += ["", f"{outcome.sent:,} messages, {held}, {outcome.lost} lost, {outcome.duplicates:,} duplicates"]
    return "\n".join([*lines, *outcome.problems])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--secs", type=float, default=1800)
    parser.add_argument("--seed", type=int, default=None, help="to play it again")
    parser.add_argument("--hostile", action="store_true", help="mix hostile messages in")
    parser.add_argument("--rate", type=int, default=500, help="messages a second")
    options = parser.parse_args()
    seed = int.from_bytes(os.urandom(3)) if options.seed is None else options.seed
    print(f"seed {seed}, {options.secs:,.0f} s, {options.rate} messages/s", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        outcome, story = soak(Path(folder), secs=options.secs, seed=seed, rate=options.rate, hostile=options.hostile)
    print(report(outcome, story))
    flat = all(each[3] for each in verdicts(story).values())
    return 0 if flat and not outcome.problems else 1


if __name__ == "__main__":
    sys.exit(main())
