"""Section configuration: 2,000 mappings with wildcards, and 50,000 topics.

It measures `check`, the start, and reloads of one file and of all files. Then it measures the search for the mappings
of a topic, for cached and for new topics, and compares it with a configuration of one mapping.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from bridge.mapping.loading.live_mappings import LiveMappings
from bridge.mapping.router import Router
from bridge.runtime.process_memory import freeze_gc, raise_gc_threshold
from tests.benchmarks.load import ROOT, STREAM, benchmark_broker, bridge, build_folder
from tests.benchmarks.scoreboard import Figure, at_most
from tests.harness.network import free_port

MAPPINGS = 2_000
TOPICS = 50_000
AREAS = 100
RELOAD_SECS = at_most(2)


@dataclass
class Configuration:
    """Results: times in seconds of CPU, and searches in µs of CPU per topic."""

    mappings: int
    topics: int
    check_secs: float
    start_secs: float
    load_secs: float
    reload_one_secs: float
    reload_all_secs: float
    reload_swapped_secs: float
    reload_asked_secs: float
    look_secs: float
    filters_secs: float
    known_us: float
    known_of_one_us: float
    new_us: float
    cache_mib: float

    def figures(self) -> list[Figure]:
        compared = self.known_us / self.known_of_one_us
        return [
            Figure("mappings, with wildcards", self.mappings),
            Figure("topics", self.topics),
            Figure("reload, one file edited: CPU", self.reload_one_secs, "s", RELOAD_SECS),
            Figure("reload, asked for by a signal: CPU", self.reload_asked_secs, "s", RELOAD_SECS),
            Figure(
                "reload, one file of a ConfigMap edited, so all are new: CPU",
                self.reload_swapped_secs,
                "s",
                RELOAD_SECS,
            ),
            Figure("reload, every file edited at once: CPU", self.reload_all_secs, "s", RELOAD_SECS),
            Figure("a look whether anything has changed: CPU", self.look_secs * 1000, "ms"),
            Figure("the filters to subscribe to: CPU", self.filters_secs * 1000, "ms"),
            Figure("mqtt-kinesis check: CPU", self.check_secs, "s"),
            Figure("start to subscribed, none known before: CPU", self.start_secs, "s"),
            Figure("a topic seen before", self.known_us, "µs"),
            Figure("a topic seen before, of that with one mapping", compared, "x", at_most(3)),
            Figure("a new topic", self.new_us, "µs"),
            Figure("memory for the topics", self.cache_mib, "MiB"),
        ]


def mapping(number: int) -> dict:
    """Return a mapping for one machine type in one area, with two wildcards, a transform and a test."""
    area, cell = f"area{number % AREAS:02d}", f"cell{number // AREAS:02d}"
    data = {"machine": "press07", "temp_c": 100.5, "site": "pdx", "area": f"{area} {cell}", "ts": 1_700_000_000_000}
    return {
        "topic": f"factory/{{site}}/{area}/{{machine}}/{cell}/telemetry",
        "transform": (
            f"{{machine: captures.machine, temp_c: payload.temperature, site: captures.site, area: '{area} {cell}',"
            " ts: payload.ts}"
        ),
        "outputs": [{"data_stream": STREAM, "partition_key_from": "captures.machine"}],
        "tests": [
            {
                "name": "a hot press",
                "topic": f"factory/pdx/{area}/press07/{cell}/telemetry",
                "payload": {"ts": data["ts"], "temperature": data["temp_c"]},
                "expect": [{"data_stream": STREAM, "partition_key": "press07", "data": data}],
            }
        ],
    }


def topics(count: int) -> list[bytes]:
    """Return topics, each of which matches one of the mappings."""
    return [
        f"factory/pdx/area{n % AREAS:02d}/press{n:05d}/cell{n // AREAS % (MAPPINGS // AREAS):02d}/telemetry".encode()
        for n in range(count)
    ]


def measure(*, quick: bool, note) -> Configuration:
    count, seen = (200, 5_000) if quick else (MAPPINGS, TOPICS)
    mappings = {f"press-{number:04d}": mapping(number) for number in range(count)}
    note(f"check, and start, with {count:,} mappings")
    check_secs, start_secs = _as_a_process(mappings)
    note(f"reloads; {seen:,} topics")
    with tempfile.TemporaryDirectory() as name:
        live, timed = _reloads(Path(name), mappings)
        return Configuration(count, seen, check_secs, start_secs, *timed, *_lookups(live.routes, topics(seen)))


def _as_a_process(mappings: dict[str, dict]) -> tuple[float, float]:
    with (
        build_folder() as folder,
        benchmark_broker() as broker,
        bridge(folder, broker.port, free_port(), mappings=mappings) as process,
    ):
        command = [sys.executable, "-m", "bridge", "check", "--config", str(folder / "bridge.yaml")]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        check_secs = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        process.start()
        process.wait_for("subscribed", timeout_secs=120)
        start_secs = process.cpu_secs
        assert process.stop() == 0, process.stderr()
    return check_secs, start_secs


def _reloads(folder: Path, mappings: dict[str, dict]) -> tuple[LiveMappings, list[float]]:
    """Return the active mappings, and the CPU seconds of each of these steps, in order.

    1. load all files
    2. reload after a change of one file
    3. reload after a change of all files
    4. reload after all files were written with the same content
    5. reload all files on request
    6. scan the folder
    7. compute the topic filters
    """
    files = folder / "mappings"
    files.mkdir()
    for name, each in mappings.items():
        (files / f"{name}.yaml").write_text(yaml.safe_dump(each, sort_keys=False))
    raise_gc_threshold()  # like the bridge
    live = LiveMappings(files, folder / "in-force")
    timed = [_cpu_secs(live.reload)]
    freeze_gc()
    edited = min(files.iterdir())
    edited.write_text(edited.read_text() + "# edited\n")
    timed.append(_cpu_secs(live.reload))
    for file in files.iterdir():
        file.write_text(file.read_text() + "# edited\n")
    timed.append(_cpu_secs(live.reload))
    for file in files.iterdir():
        file.write_bytes(file.read_bytes())
    timed.append(_cpu_secs(live.reload))
    timed.append(_cpu_secs(lambda: live.reload(every=True)))
    assert (live.reloads, live.problems, len(live.routes.mappings)) == (3, (), len(mappings))
    return live, [*timed, _cpu_secs(live._look_at_all), _cpu_secs(live.routes.filters)]


def _lookups(routes: Router, names: list[bytes]) -> tuple[float, float, float, float]:
    """Return the µs per topic: cached, with only one mapping, and new. Also return the MiB of the cache."""
    before = _resident_bytes()
    new = _cpu_secs(lambda: _match(routes, names)) / len(names) * 1e6
    memory = _resident_bytes() - before
    known = min(_cpu_secs(lambda: _match(routes, names)) for _ in range(5)) / len(names) * 1e6
    one = Router(routes.mappings[:1])
    few = [name for name in names if one.match(name).targets][:200] or names[:200]
    rounds = len(names) // len(few)
    known_of_one = min(_cpu_secs(lambda: _match(one, few * rounds)) for _ in range(5)) / (len(few) * rounds) * 1e6
    return known, known_of_one, new, memory / 1024**2


def _match(routes: Router, names: Iterable[bytes]) -> None:
    for name in names:
        routes.match(bytes(memoryview(name)))  # a topic from a packet is a new object whose hash is not cached


def _cpu_secs(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
