"""Several bridges and other producers on one shard. `python -m tests.delivery.shard_simulation` shows longer runs."""

import pytest

from tests.delivery.simulated_shards import Bridge, ConstantProducer, Simulation, crowd, measure


def test_bridge_alone_fills_a_shard_without_refusals():
    measured = measure(simulation := Simulation(), [Bridge(simulation)], 10, 30)[0]
    assert measured.utilisation > 0.99
    assert measured.refused == 0


def test_shares_of_forty_bridges_on_four_shards_are_equal():
    simulation = Simulation(shards=4)
    measured = measure(simulation, crowd(simulation, 40), 80, 180)
    totals = [sum(rates) for rates in zip(*(shard.rates for shard in measured), strict=True)]
    mean = sum(totals) / len(totals)
    assert max(abs(total - mean) for total in totals) < 0.2 * mean
    assert min(shard.utilisation for shard in measured) > 0.9
    assert max(shard.refused for shard in measured) < 0.1


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5])
def test_random_refusals_cost_hardly_more_than_their_fraction(fraction):
    simulation = Simulation(random_refusals=fraction)
    assert measure(simulation, [Bridge(simulation)], 15, 45)[0].rates[0] > (0.9 - fraction) * 1000


@pytest.mark.parametrize(("rate", "batch_secs"), [(1000, 0.05), (1500, 0.05), (2000, 0.1)])
def test_bridge_beside_an_aggressive_producer_has_half_its_share(rate, batch_secs):
    simulation = Simulation()
    bridge = Bridge(simulation)
    ConstantProducer(simulation, rate, batch_secs, stop=120)
    assert measure(simulation, [bridge], 60, 120)[0].rates[0] > 250
    assert measure(simulation, [bridge], 150, 160)[0].rates[0] > 950


@pytest.mark.parametrize(("rate", "batch_secs", "seed"), [(1500, 0.05, 1), (1000, 0.1, 10)])
def test_shares_beside_an_aggressive_producer_are_at_least_half(rate, batch_secs, seed):
    simulation = Simulation(seed=seed)
    bridges = crowd(simulation, 4)
    ConstantProducer(simulation, rate, batch_secs)
    assert min(measure(simulation, bridges, 120, 240)[0].rates) > 100


def test_bridges_that_start_one_after_the_other_slow_down_for_each_other():
    simulation = Simulation(seed=3)
    measured = measure(simulation, crowd(simulation, 40, apart_secs=2.0), 120, 180)[0]
    assert measured.refused < 0.1
    assert measured.deviation < 0.5


def test_shard_whose_limit_comes_back_is_used_in_full_within_30_secs():
    simulation = Simulation()
    bridge = Bridge(simulation)
    simulation.run(20)
    simulation.shards["shard-0"].share = 0.1
    assert measure(simulation, [bridge], 20, 80, 100)[0].utilisation > 0.9
    simulation.shards["shard-0"].share = 1.0
    assert measure(simulation, [bridge], 110, 120)[0].utilisation > 0.95


def test_live_traffic_below_its_share_is_not_held_back():
    simulation = Simulation()
    live, backlog = crowd(simulation, 10, demand=20.0), crowd(simulation, 2)
    measured = measure(simulation, live + backlog, 20, 60)[0]
    assert measured.rates[:10] == pytest.approx([20.0] * 10, rel=0.1)
    assert measured.utilisation > 0.9


def test_links_slower_than_the_pause_keep_a_shard_full():
    simulation = Simulation()
    assert measure(simulation, crowd(simulation, 4, latency=(1.9, 2.0)), 60, 120)[0].utilisation > 0.9
