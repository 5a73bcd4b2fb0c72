"""Command `capture`: records live traffic to a file, in a separate MQTT session.

The session and the spool of the bridge do not change. The separate session never joins the shared subscription of the
bridges. Otherwise, the bridges would miss the messages that the broker sends to the separate session.
"""

from __future__ import annotations

import logging
import math
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bridge.cli.output.formatting import pluralize
from bridge.config import load_settings
from bridge.errors import BridgeError, ConfigError, UsageError
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.mapping.router import Router
from bridge.mapping.topics.pattern import TopicError, TopicPattern
from bridge.mapping.topics.subscription_cover import joined_filters
from bridge.mqtt.reason_texts import CHECK_CREDENTIALS
from bridge.mqtt.subscriber import Subscriber
from bridge.runtime.log_setup import set_up_logging
from bridge.runtime.signals import Signals
from bridge.terminal import GOOD, print_coloured, print_error
from bridge.tools.capture.recorder import CaptureLimits, TrafficRecorder
from bridge.yaml_files.option_types import parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bridge.config import Settings

log = logging.getLogger(__name__)

# Suffix of the client ID. A second client with the client ID of the bridge would disconnect the bridge.
SUFFIX = "-capture"
# Limits of the time to wait for the subscription. Within these limits, it equals the time of the recording.
CONNECT_SECS = 20.0
_MIN_CONNECT_SECS = 5.0
# Maximum time to wait for messages. Then the command checks signals and limits.
_POLL_SECS = 0.2


@dataclass(frozen=True, slots=True)
class CaptureOptions:
    """Topics and limits of a recording. If `secs` is 0, the time is not limited."""

    topics: Sequence[str]
    secs: float
    messages: int
    size: str
    log_level: str = "warning"


def record_traffic(config: Path, file: Path, options: CaptureOptions) -> int:
    """Record until a limit is reached or Ctrl-C is pressed, and return 0.

    Raise ConfigError for an invalid configuration. Raise BridgeError if the broker does not accept the subscription, or
    if the file cannot be written.
    """
    limit = parse_size(options.size)
    if not isinstance(limit, int) or limit <= 0:
        raise UsageError(f"--bytes: expected a size, such as 500 MB, 2 GiB or 1000000; found '{options.size}'")
    settings = load_settings(config, os.environ)
    summary = record_session(
        settings,
        file,
        _filters(settings, options.topics),
        CaptureLimits(options.messages, limit),
        options.secs,
        options.log_level,
    )
    print_coloured(f"{file}: {summary}", {": [^:]* messages?": GOOD})
    return 0


def record_session(
    settings: Settings,
    file: Path,
    joined: Mapping[str, Mapping[str, int]],
    bounds: CaptureLimits,
    secs: float,
    log_level: str = "warning",
) -> str:
    """Record in a temporary session, and return a summary of the recording.

    The keys of `joined` are the filters to subscribe to. Each value contains the filters that the key replaces, and
    their QoS, for example `a/+` → {`a/+`: 1, `a/b`: 0}. If `secs` is 0, there is no time limit. Raise BridgeError if
    there is no subscription, or if the file cannot be written.
    """
    # Join overlapping filters, because a broker may deliver a message once for each filter that matches.
    session = settings.mqtt.temporary(SUFFIX).model_copy(update={"overlapping_filters": "join"})
    set_up_logging("text", log_level)
    with Signals() as signals, TrafficRecorder(file, bounds) as recorder:
        subscriber = Subscriber(session, on_session=lambda _present: recorder.session_began())
        # If the broker refuses a joined filter, the subscriber requests the filters that the joined filter replaces.
        subscriber.set_filters({text: max(parts.values()) for text, parts in joined.items()}, joined)
        capturing = _Capture(subscriber, recorder, signals, secs, brokers=len(session.addresses))
        try:
            capturing.run()
        except BridgeError:
            # A failed capture that contains messages is still useful.
            if not recorder.messages:
                file.unlink()
            raise
        finally:
            subscriber.close()
    return capturing.summary()


def topic_filters(topics: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the filters of the options --topic, in the form that `record_session` expects for `joined`.

    Raise UsageError for an invalid filter.
    """
    try:
        return joined_filters((TopicPattern.parse(text).filter, 1) for text in topics)
    except TopicError as error:
        raise UsageError(f"--topic: {error}") from error


def _filters(settings: Settings, topics: Sequence[str]) -> dict[str, dict[str, int]]:
    if topics:
        return topic_filters(topics)
    loaded = load_folder(settings.mappings, {})
    if not loaded.mappings:
        raise ConfigError(loaded.problems)
    for problem in loaded.problems:
        print_error(problem)
    return Router(loaded.mappings.values()).joined_filters()


class _Capture:
    """One recording: it waits for the subscription, receives messages in a loop, and returns a summary."""

    def __init__(
        self, subscriber: Subscriber, recorder: TrafficRecorder, signals: Signals, secs: float, *, brokers: int
    ) -> None:
        self._subscriber = subscriber
        self._recorder = recorder
        self._signals = signals
        self._secs = secs
        self._brokers = brokers
        # The start is infinite, so that the time limit does not apply to the wait for the subscription.
        self._began = self._ended = math.inf
        self._reason = ""

    def run(self) -> None:
        """Record until a limit is reached or a signal arrives. Raise BridgeError if there is no subscription."""
        self._subscribe()
        self._began = time.monotonic()
        console = Console(stderr=True)
        words = "{task.fields[messages]:,} messages, {task.fields[size]:,} bytes"
        columns = (TextColumn("recording"), BarColumn(), TimeElapsedColumn(), TextColumn(words))
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("", total=self._secs or None, messages=0, size=0)
            while not self._over():
                self._step()
                self._show(progress, task)
        self._ended = time.monotonic()

    def summary(self) -> str:
        """Return a summary of the recording."""
        recorder, secs = self._recorder, self._ended - self._began
        what = f"{pluralize(recorder.messages, 'message')}, {pluralize(recorder.bytes, 'byte')}"
        text = f"{what}, in {secs:.1f} s (ended by {self._reason})"
        if recorder.unreadable:
            text += f"; {pluralize(recorder.unreadable, 'message')} skipped because the topic is not UTF-8"
        if self._subscriber.connections > 1:
            text += (
                f"; the connection was lost {pluralize(self._subscriber.connections - 1, 'time')}, and the messages of "
                "these interruptions are missing"
            )
        return text

    def _subscribe(self) -> None:
        """Wait until the broker has granted or refused every filter. Log the refused filters.

        Return early if a signal or a limit ends the capture. Raise BridgeError if the broker does not respond in time,
        or if every broker refuses the credentials.
        """
        patience = min(CONNECT_SECS, max(_MIN_CONNECT_SECS, self._secs or CONNECT_SECS))
        deadline = time.monotonic() + patience
        subscriptions = self._subscriber.subscriptions
        while not subscriptions.wanted or not (subscriptions.wanted.keys() <= subscriptions.confirmed.keys()):
            if self._over():
                return
            # If only some filters were refused, record the messages of the granted filters.
            answered = subscriptions.confirmed.keys() | subscriptions.refused.keys()
            if subscriptions.confirmed and subscriptions.wanted.keys() <= answered:
                log.warning("%s", self._subscriber.state().problem)
                return
            state = self._subscriber.state()
            if state.attempts >= self._brokers and CHECK_CREDENTIALS in state.problem:
                # Do not try again as `run` does, because the user is waiting at the terminal.
                raise BridgeError(state.problem)
            if time.monotonic() > deadline:
                raise BridgeError(f"no subscription within {patience:.0f} s: {state.problem or state.broker}")
            self._step()

    def _step(self) -> None:
        burst = self._subscriber.poll(_POLL_SECS)
        if burst:
            connection = self._subscriber.connections
            # Acknowledge the messages only after they are written. Until then, the broker stores them.
            self._subscriber.acknowledge(connection, self._recorder.record(burst))

    def _over(self) -> bool:
        if self._signals.wait(0):
            self._reason = "a signal"
        elif self._recorder.full:
            self._reason = f"the limit of {self._recorder.full}"
        elif self._secs and time.monotonic() - self._began >= self._secs:
            self._reason = "the time limit"
        return bool(self._reason)

    def _show(self, progress: Progress, task: TaskID) -> None:
        done = time.monotonic() - self._began
        progress.update(task, completed=done, messages=self._recorder.messages, size=self._recorder.bytes)
