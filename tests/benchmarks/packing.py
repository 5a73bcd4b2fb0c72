"""Section packing: one shard with the limits of AWS, and the CPU per message without limits.

Every message is 200 bytes of JSON and is sent unchanged. All messages wait in the broker's session and arrive at once.
If the bridge had to wait for messages, its bursts would become smaller, and less CPU for sending would only cause more
bursts. The messages compress better than those of a plant, because few of their values change.
"""

import itertools
import statistics
from dataclasses import dataclass

from tests.benchmarks.load import (
    STREAM,
    benchmark_broker,
    bridge,
    build_folder,
    delivering,
    in_session,
    kinesis_process,
)
from tests.benchmarks.scoreboard import Figure, at_least
from tests.harness.ledger import read_ledger

KEYED = {"data_stream": STREAM, "partition_key_from": "captures.machine"}
OUTPUTS = {
    "plain": KEYED,
    "kpl": KEYED | {"packing": "kpl"},
    "kpl, strict": KEYED | {"packing": "kpl", "order": "strict"},
    "lines + zstd": {"data_stream": STREAM, "packing": "lines", "compression": "zstd"},
}
ONE_SHARD_MESSAGES = {"plain": 10_000, "kpl": 50_000, "kpl, strict": 50_000, "lines + zstd": 250_000}
"""Numbers of messages for about ten seconds each. What a shard accepts at once after an idle time then matters little.
"""

SHARDS, TURNS = 32, 4
"""Number of shards and rounds. With 32 shards, no shard limits the bridge: 16 shards accept 62,000 messages a second.

The gain of packing is the median of the gains in each round, because the speed of the machine changes between rounds.
"""

PRICES = {
    "date": "2026-03-09",
    "region": "us-east-1",
    "payload_units_per_million_usd": 0.014,
    "shard_hour_usd": 0.015,
    "on_demand_gb_usd": 0.08,
    "on_demand_stream_hour_usd": 0.04,
}
"""Prices of AWS. https://aws.amazon.com/kinesis/data-streams/pricing/

In provisioned mode, AWS bills shard hours and PUT payload units of 25 KB, rounded up per record. In on-demand mode, AWS
bills stream hours and the written data, with each record rounded up to 1 KB. The figures here do not include the hours.

The on-demand prices are those of on-demand standard on that date; with committed use ("Advantage"), a GB costs 0.032:
https://aws.amazon.com/blogs/big-data/kinesis-on-demand-advantage-saves-60-on-streaming-costs/ The provisioned prices
are from third parties, because AWS's page inserts its figures by a script.
"""

GB = 1024**3


@dataclass
class PackingRun:
    """Result of one run. Units and GB are per million messages, and so are their prices (see PRICES)."""

    packing: str
    limited: bool
    messages: int
    messages_per_sec: float
    cpu_us_per_message: float
    records: int
    throttled: int
    units_per_million: float
    units_usd: float
    on_demand_gb_per_million: float
    on_demand_usd: float


def run(packing: str, count: int, *, limited: bool, shards: int = 1) -> PackingRun:
    """Run the bridge with one packing. Raise AssertionError unless the ledger shows that all messages are delivered."""
    mapping = {"topic": "factory/{site}/{line}/{machine}/telemetry", "outputs": [OUTPUTS[packing]]}
    with (
        build_folder() as folder,
        benchmark_broker() as broker,
        kinesis_process(shards, *(["--limited"] if limited else [])) as kinesis,
        bridge(folder, broker.port, kinesis.port, mapping) as process,
    ):
        in_session(process, broker, count)
        before = process.cpu_secs
        broker.resume()
        per_sec = delivering(process, kinesis, count)
        cpu = process.cpu_secs - before
        counts = kinesis.counters()
        assert process.stop() == 0, process.stderr()
        ledger = read_ledger(folder / "data")
        ledger.check()
        assert (ledger.total("delivered"), ledger.in_queues, ledger.dead_letters) == (count, 0, 0), ledger
    return _result(packing, limited, count, per_sec, cpu, counts)


def _result(packing, limited, count, per_sec, cpu, counts) -> PackingRun:
    units = counts["units"] / count * 1e6
    gigabytes = counts["billed_bytes"] / GB / count * 1e6
    return PackingRun(
        packing=packing,
        limited=limited,
        messages=count,
        messages_per_sec=per_sec,
        cpu_us_per_message=cpu / count * 1e6,
        records=counts["records"],
        throttled=counts["throttled"],
        units_per_million=units,
        units_usd=units / 1e6 * PRICES["payload_units_per_million_usd"],
        on_demand_gb_per_million=gigabytes,
        on_demand_usd=gigabytes * PRICES["on_demand_gb_usd"],
    )


@dataclass
class Packing:
    """All results. `unlimited` has the results of each round. `prices` are PRICES."""

    one_shard: list[PackingRun]
    unlimited: list[dict[str, PackingRun]]
    prices: dict

    def figures(self) -> list[Figure]:
        found = []
        for run in self.one_shard:
            name = f"one shard with its limits, {run.packing}"
            found += [
                Figure(f"{name}: throughput", run.messages_per_sec, "messages/s"),
                Figure(f"{name}: throttled records", run.throttled),
                Figure(f"{name}: a million messages, payload units", run.units_usd, "USD"),
                Figure(f"{name}: a million messages, on demand", run.on_demand_usd, "USD"),
            ]
        turns = [{packing: run.cpu_us_per_message for packing, run in turn.items()} for turn in self.unlimited]
        for packing in OUTPUTS:
            # The minimum counts, because other work on the machine can only increase the value.
            found.append(Figure(f"no limits, {packing}: CPU", min(turn[packing] for turn in turns), "µs/message"))
        saved = statistics.median(1 - turn["kpl"] / turn["plain"] for turn in turns)
        return [*found, Figure("no limits, kpl: CPU below plain", saved * 100, "%", at_least(25))]


def measure(*, quick: bool, note) -> Packing:
    one_shard = []
    for packing, count in ONE_SHARD_MESSAGES.items():
        note(f"one shard with its real limits, {packing}")
        one_shard.append(run(packing, count // 4 if quick else count, limited=True))
    return Packing(one_shard, _unlimited(quick=quick, note=note), PRICES)


def _unlimited(*, quick: bool, note) -> list[dict[str, PackingRun]]:
    """Measure each packing in turn, in TURNS rounds."""
    turns: list[dict[str, PackingRun]] = [{} for _ in range(1 if quick else TURNS)]
    for (number, turn), packing in itertools.product(enumerate(turns, 1), OUTPUTS):
        note(f"{SHARDS} shards without limits, {packing}, turn {number}")
        turn[packing] = run(packing, 30_000 if quick else 200_000, limited=False, shards=SHARDS)
    return turns
