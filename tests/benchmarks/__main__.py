"""Measure the bridge, print a table, and write it to build/bench.json.

Pipeline: QoS 1, MQTT 3.1.1, 200-byte JSON over 200 topics, a seven-field transform, a spool with fsync, plain records.
"""

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from tests.benchmarks import expressions, latency, mapping_cost, packing, pipeline
from tests.benchmarks.load import BUILD


def measure(*, quick: bool, note) -> dict:
    """Every figure, by name; `note` is told what comes next."""
    count = 30_000 if quick else 300_000
    note(f"pipeline, live: {count:,} messages")
    live = pipeline.live(count)
    note(f"pipeline, preloaded: {count:,} messages")
    preloaded = pipeline.preloaded(count)
    secs = 5 if quick else 20
    note(f"latency: 1,000 messages a second for {secs} s")
    timed = latency.measure(1_000, secs)
    note("mapping and expressions")
    cost = mapping_cost.measure(10_000 if quick else 100_000)
    packed = packing.measure(quick=quick, note=note)
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "pipeline": {each.load: asdict(each) for each in (live, preloaded)},
        "latency": asdict(timed),
        "mapping": asdict(cost),
        "expression_ratio": expressions.ratio(),
        "packing": packed,
    }


def table(figures: dict) -> Table:
    """What a person wants to see of it."""
    shown = Table("", *figures["pipeline"], title="mqtt-kinesis")
    runs = figures["pipeline"].values()
    shown.add_row("CPU per message", *(f"{run['cpu_us_per_message']:.1f} µs" for run in runs))
    shown.add_row("messages a second", *(f"{run['messages_per_sec']:,.0f}" for run in runs))
    shown.add_row("resident memory, most", *(f"{run['max_rss_mb']:.0f} MB" for run in runs))
    shown.add_row("messages / duplicates", *(f"{run['messages']:,} / {run['duplicates']:,}" for run in runs))
    shown.add_section()
    timed = figures["latency"]
    shown.add_row(
        f"publish to accepted, {timed['rate']:,.0f} a second",
        f"p50 {timed['p50_ms']:.0f} ms",
        f"p99 {timed['p99_ms']:.0f} ms",
    )
    shown.add_row("mapping alone", f"{figures['mapping']['cpu_us_per_message']:.1f} µs")
    shown.add_row("expressions, compiled : interpreted", f"{figures['expression_ratio']:.1f} x")
    return shown


def packing_table(figures: dict) -> Table:
    """One column for each way of packing."""
    prices = figures["prices"]
    title = f"One shard with its real limits; prices of {prices['region']}, {prices['date']}"
    limited, free = figures["one_shard"], figures["unlimited"]
    shown = Table("", *(run["packing"] for run in limited), title=title)
    shown.add_row("messages a second", *(f"{run['messages_per_sec']:,.0f}" for run in limited))
    shown.add_row("throttled records", *(f"{run['throttled']:,}" for run in limited))
    shown.add_row("PUT payload units a million messages", *(f"{run['units_per_million']:,.0f}" for run in limited))
    shown.add_row("  in USD", *(f"{run['units_usd']:.6f}" for run in limited))
    shown.add_row("on-demand GB a million messages", *(f"{run['on_demand_gb_per_million']:.3f}" for run in limited))
    shown.add_row("  in USD", *(f"{run['on_demand_usd']:.5f}" for run in limited))
    shown.add_section()
    shown.add_row("CPU per message, no limits", *(f"{run['cpu_us_per_message']:.1f} µs" for run in free))
    shown.add_row("messages a second, no limits", *(f"{run['messages_per_sec']:,.0f}" for run in free))
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages: to see that it runs")
    options = parser.parse_args()
    progress = Console(file=sys.stderr)
    figures = measure(quick=options.quick, note=progress.print)
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps(figures, indent=2) + "\n")
    Console().print(table(figures))
    Console().print(packing_table(figures["packing"]))


if __name__ == "__main__":
    main()
