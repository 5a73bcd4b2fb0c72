"""Scenarios in which the bridge is killed: before and after every step of a message's path, and at random times."""

import random
import signal
from contextlib import contextmanager
from functools import partial

from tests.faults.crash_points import STEPS
from tests.faults.scenario import Scenario
from tests.faults.scenario_setup import PACKED, Setup, Stage
from tests.integration.arrivals import eventually

CALLS = 15
"""Number of the call at which the bridge kills itself. It comes one or two seconds after the start, under load."""
MOMENTS = ("before", "after")


def dying(moment: str, step: str) -> tuple[str, ...]:
    return ("tests.faults.crash_points", moment, step, str(CALLS))


@contextmanager
def dies(stage: Stage, deaths: tuple[tuple[str, str], ...]):
    """Start the bridge once for each (moment, step), at which it kills itself. Then start it as usual."""
    stage.bridge.stop()
    for moment, step in deaths:
        stage.bridge.entry = dying(moment, step)
        # Queued messages may kill the bridge before it has subscribed.
        stage.bridge.start(await_subscribed=False)
        eventually(lambda: not stage.bridge.running, f"the bridge kills itself {moment} {step}")
        assert stage.bridge.wait() == -signal.SIGKILL
    stage.heals()
    stage.bridge.entry = ("bridge",)
    stage.bridge.start()
    yield


@contextmanager
def killed_at_random(stage: Stage, *, kills: int, seed: int):
    instants = random.Random(seed)
    for left in reversed(range(kills)):
        stage.hold(instants.uniform(0.0, 1.0))
        stage.bridge.kill()
        if not left:
            stage.heals()
        stage.bridge.start()
    yield


PLACES = tuple((moment, step) for step in STEPS for moment in MOMENTS)
EVERYWHERE = Scenario(
    "SIGKILL ten times in a row, before and after each step", partial(dies, deaths=PLACES), hold_secs=0
)
STAGES = Scenario(
    "SIGKILL three times in a row, after commit, after acknowledge and after send",
    partial(dies, deaths=tuple(("after", step) for step in ("commit", "acknowledge", "send"))),
    Setup(rate=300),
    hold_secs=0,
)
"""Kills that leave a message in each of its three states on disk. It needs only a third of the starts of EVERYWHERE."""
SCENARIOS = (
    *(Scenario(f"SIGKILL {' '.join(place)}", partial(dies, deaths=(place,)), hold_secs=0) for place in PLACES),
    EVERYWHERE,
    Scenario("SIGKILL at ten random instants", partial(killed_at_random, kills=10, seed=1), hold_secs=0),
    Scenario(
        "SIGKILL at five random instants, with packed records",
        partial(killed_at_random, kills=5, seed=2),
        Setup(outputs=PACKED),
        hold_secs=0,
    ),
)
