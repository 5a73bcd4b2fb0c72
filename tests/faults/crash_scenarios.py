"""The bridge is killed: at every step of a message's way, before it and after it, and at random instants."""

import random
import signal
from contextlib import contextmanager
from functools import partial

from tests.faults.crash_points import STEPS
from tests.faults.scenario import Scenario
from tests.faults.scenario_setup import PACKED, Setup, Stage
from tests.integration.arrivals import eventually

CALLS = 15
"""It dies at this call of the step: in the midst of the load, a second or two after the start."""
MOMENTS = ("before", "after")


def dying(moment: str, step: str) -> tuple[str, ...]:
    return ("tests.faults.crash_points", moment, step, str(CALLS))


@contextmanager
def dies(stage: Stage, deaths: tuple[tuple[str, str], ...]):
    """One death after the other, each of (moment, step); then it is started as its users start it."""
    stage.bridge.stop()
    for moment, step in deaths:
        stage.bridge.entry = dying(moment, step)
        stage.bridge.start(await_subscribed=False)  # what waits in the broker may kill it before that
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
"""The three states that a death can leave a message in, once it is on disk, with a third of the starts."""
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
