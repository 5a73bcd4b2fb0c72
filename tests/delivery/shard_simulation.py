"""Table that shows how bridges share shards: `python -m tests.delivery.shard_simulation [words of case names]`.

Each case is a function that returns one line of figures. All cases together take a minute or two of CPU time. The tests
run short versions of the important cases.
"""

import sys

from tests.delivery.simulated_shards import Bridge, ConstantProducer, Simulation, crowd, measure


def sharing(count, *, begin=120.0, end=300.0, shards=1, seed=1, limit=1000, simulated=None, **options):
    """Return how `count` bridges with a backlog share the shards."""
    simulation = Simulation(shards=shards, seed=seed, **(simulated or {}))
    bridges = crowd(simulation, count, **options)
    measured = measure(simulation, bridges, begin, end, limit)
    totals = [sum(rates) for rates in zip(*(each.rates for each in measured), strict=True)]
    total = max(abs(each * count / sum(totals) - 1) for each in totals)
    return (
        f"max/min {max(each.max_to_min for each in measured):5.2f}  "
        f"deviation {max(each.deviation for each in measured):4.0%} (of all shards {total:3.0%})  "
        f"utilisation {min(each.utilisation for each in measured):4.0%}  "
        f"refused {max(each.refused for each in measured):5.1%}  "
        f"requests/s {sum(bridge.requests for bridge in bridges) / count / end:4.1f}"
    )


def newcomers(seed=1):
    """Return the rates of four bridges with a backlog that join 36 other bridges at the same time."""
    simulation = Simulation(seed=seed)
    bridges = crowd(simulation, 36)
    simulation.run(120)
    bridges += [Bridge(simulation, start=120.0) for _ in range(4)]
    parts = []
    for begin, end in ((120, 130), (130, 150), (150, 180), (180, 300)):
        rates = measure(simulation, bridges, begin, end)[0].rates
        parts.append(f"{end - 120} s: {sum(rates[36:]) / 4:.0f} against {sum(rates[:36]) / 36:.0f}")
    return "records/s of each, after " + ", ".join(parts)


def live_and_backlog(seed=1):
    """Return the rates of 20 bridges with 10 records per second, and of 4 bridges with a backlog."""
    simulation = Simulation(seed=seed)
    bridges = crowd(simulation, 20, demand=10.0) + crowd(simulation, 4)
    measured = measure(simulation, bridges, 120, 300)[0]
    live, backlog = measured.rates[:20], measured.rates[20:]
    return f"live {min(live):.1f} to {max(live):.1f} records/s, backlog {min(backlog):.0f} to {max(backlog):.0f}"


def at_random(probability, *, failing=0.0, seed=1, **options):
    """Return the rate of one bridge on a shard that refuses records at random."""
    simulation = Simulation(seed=seed, random_refusals=probability)
    bridge = Bridge(simulation, failing=failing, **options)
    return f"{measure(simulation, [bridge], 30, 150)[0].rates[0]:.0f} records/s"


def against(rate, *, batch_secs=0.05, count=1, seed=1):
    """Return the rates of bridges that share a shard with a producer that does not slow down."""
    simulation = Simulation(seed=seed)
    bridges = crowd(simulation, count)
    ConstantProducer(simulation, rate, batch_secs)
    first = measure(simulation, bridges, 0, 120)[0]
    measured = measure(simulation, bridges, 120, 300)[0]
    rates = f"{min(measured.rates):.0f} to {max(measured.rates):.0f}"
    return f"{rates} records/s each, refused {measured.refused:.0%}; first 2 minutes from {min(first.rates):.0f}"


def lowered(latency, seed=1):
    """Return the rate of one bridge after a minute in which the shard accepts 100 records per second."""
    simulation = Simulation(seed=seed)
    bridge = Bridge(simulation, latency=latency)
    simulation.run(60)
    simulation.shards["shard-0"].share = 0.1
    during = measure(simulation, [bridge], 60, 120, 100)[0]
    simulation.shards["shard-0"].share = 1.0
    after = [measure(simulation, [bridge], 120 + secs, 130 + secs)[0].rates[0] for secs in range(0, 50, 10)]
    rates = ", ".join(f"{rate:.0f}" for rate in after)
    return f"lowered {during.rates[0]:.0f} records/s, refused {during.refused:.0%}; then every 10 s: {rates}"


CASES = {
    "1 bridge": lambda: sharing(1),
    "2 bridges": lambda: sharing(2),
    "4 bridges": lambda: sharing(4),
    "10 bridges": lambda: sharing(10),
    "40 bridges": lambda: sharing(40),
    "40 bridges, 4 shards": lambda: sharing(40, shards=4),
    "40 bridges, 2 s apart": lambda: sharing(40, apart_secs=2.0, begin=150, end=330),
    "4 bridges, 10 s apart": lambda: sharing(4, apart_secs=10.0),
    "100 bridges": lambda: sharing(100),
    "4 join 36 after an outage": newcomers,
    "20 live and 4 with a backlog": live_and_backlog,
    "40 bridges, latency 0.2 to 0.4 s": lambda: sharing(40, latency=(0.2, 0.4)),
    "40 bridges, latency 1 to 2 s": lambda: sharing(40, latency=(1.0, 2.0)),
    "40 bridges, the same, one in flight": lambda: sharing(40, latency=(1.0, 2.0), in_flight=1),
    "40 bridges, random refusals 10 %": lambda: sharing(40, simulated={"random_refusals": 0.1}),
    "40 bridges, tokens refilled in requests": lambda: sharing(40, simulated={"record_secs": 1e-4}),
    "40 bridges, 5 KiB": lambda: sharing(40, size=5 << 10, limit=1024 / 5),
    "4 bridges, 50 KiB": lambda: sharing(4, size=50 << 10, end=600, limit=1024 / 50),
    "40 bridges, 50 KiB": lambda: sharing(40, size=50 << 10, end=600, limit=1024 / 50),
    "random refusals 1 %": lambda: at_random(0.01),
    "random refusals 10 %": lambda: at_random(0.1),
    "random refusals 10 %, requests fail 5 %": lambda: at_random(0.1, failing=0.05, latency=(0.005, 0.01)),
    "random refusals 50 %": lambda: at_random(0.5),
    "random refusals 50 %, requests fail 5 %": lambda: at_random(0.5, failing=0.05),
    "random refusals 10 %, latency 1 s": lambda: at_random(0.1, latency=(0.5, 1.5)),
    "constant 1,000/s, batches of 50": lambda: against(1000),
    "constant 1,000/s, batches of 20": lambda: against(1000, batch_secs=0.02),
    "constant 1,000/s, batches of 100": lambda: against(1000, batch_secs=0.1),
    "constant 1,500/s, batches of 75": lambda: against(1500),
    "constant 2,000/s, batches of 100": lambda: against(2000),
    "constant 2,000/s, batches of 20": lambda: against(2000, batch_secs=0.01),
    "constant 2,000/s, batches of 500": lambda: against(2000, batch_secs=0.25),
    "constant 2,000/s, 2 bridges": lambda: against(2000, count=2),
    "constant 2,000/s, 4 bridges": lambda: against(2000, count=4),
    "constant 1,000/s, batches of 100, 4 bridges": lambda: against(1000, batch_secs=0.1, count=4),
    "constant 1,000/s, batches of 50, 8 bridges": lambda: against(1000, count=8),
    "constant 900/s": lambda: against(900),
    "constant 800/s": lambda: against(800),
    "shard lowered to 100/s": lambda: lowered((0.02, 0.08)),
    "shard lowered to 100/s, latency 1 s": lambda: lowered((0.5, 1.5)),
}


def main(words):
    for name, case in CASES.items():
        if all(word in name for word in words):
            print(f"{name:40} {case()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
