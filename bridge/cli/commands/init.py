"""Command `init`: prompts for the options, listens to the broker, and writes bridge.yaml and mapping files.

The files pass `check`.
"""

from __future__ import annotations

import os
import re
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.cli.commands.capture import record_session, topic_filters
from bridge.cli.commands.init_prompts import PASSWORD, Prompts, parse_set_options, repeated_command
from bridge.cli.output.formatting import pluralize
from bridge.cli.output.progress_bar import progress
from bridge.config.settings import parse_settings
from bridge.errors import BridgeError, UsageError
from bridge.mapping.loading.mapping_loader import SUFFIXES
from bridge.mapping.proposals.proposals import ObservedMessages, Proposal, propose
from bridge.mapping.rendering import printable
from bridge.model import Message
from bridge.terminal import GOOD, HEAD, WARN, print_coloured
from bridge.tools.capture.file_format import read_capture
from bridge.tools.capture.recorder import CaptureLimits
from bridge.tools.scaffold.bridge_file import bridge_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bridge.config import Settings

# Limits of the temporary capture. A hundred thousand messages are enough to propose mappings.
_LIMITS: Final = CaptureLimits(100_000, 100 * 1024 * 1024)
# Maximum number of skipped topics that are printed. A broker may have thousands of topics.
_SHOWN_TOPICS: Final = 20
# Maximum length of a payload in the proposed `try` command. A longer payload would fill the terminal.
_READABLE_CHARS: Final = 120
# Message for the example mapping that is written if no message was received.
_EXAMPLE: Final = Message(
    "factory/pdx/line3/press07/telemetry",
    b'{"ts": 1700000000000, "temperature_f": 212, "status": "RUN"}',
    1,
    False,
    1_700_000_000_000,
    {},
)


@dataclass(frozen=True, slots=True)
class InitOptions:
    """Options of the command.

    `given` contains the values of options such as --url. Its keys are the names in bridge.yaml, such as `mqtt.url`.
    `settings` contains the texts of --set. If `listen_secs` is None, the command prompts for the time.
    """

    given: Mapping[str, str]
    settings: Sequence[str]
    stream: str
    listen_secs: float | None
    topics: Sequence[str]
    capture: Path | None
    yes: bool
    force: bool
    log_level: str = "warning"


def init(config: Path, options: InitOptions) -> int:
    """Write bridge.yaml and the mapping files, and return 0.

    Raise ConfigError for invalid answers. Raise BridgeError if a file exists or the broker does not respond.
    """
    # Report an existing file before the first prompt. Otherwise, the user's answers would be lost.
    _refuse_existing([config], force=options.force)
    filters = topic_filters(options.topics)
    questions = Prompts({**options.given, **parse_set_options(options.settings)}, yes=options.yes)
    answers = questions.answers()
    text = bridge_text(answers)
    stream = options.stream or questions.prompt("", "Data stream", "telemetry")
    secs = options.listen_secs
    if secs is None:
        secs = 0.0 if options.capture else _secs(questions.prompt("", "Seconds to listen to the broker", "10"))
    password = questions.password() if answers.get("mqtt.username") and secs else ""
    settings = _settings(config, text, {PASSWORD: password})
    try:
        observed, summary = _observed(settings, filters, secs, options.capture, options.log_level)
    except BridgeError as error:
        again = repeated_command(answers, stream) if questions.prompted else ""
        raise BridgeError(f"{error}{again}") from error
    folder = settings.mappings
    proposals, skipped = propose(observed, stream, _used_names(folder))
    files = {folder / f"{each.name}.yaml": each.text for each in proposals}
    if not files:
        example = ObservedMessages()
        example.add(_EXAMPLE)
        (example_proposal, *_), _ = propose(example, stream)
        files = {folder / "example.yaml": example_proposal.text}
    # The names of the mapping files are known only now. If one of the files exists, write nothing.
    _refuse_existing(list(files), force=options.force)
    _write({config: text, **files})
    parts = (
        _written_lines(config, summary, files, proposals),
        _skipped_lines(observed, skipped),
        _next_lines(config, text, [each.example for each in proposals if each.example] or [_EXAMPLE]),
    )
    print_coloured(
        "\n".join(line for part in parts for line in part),
        {"^wrote": GOOD, "^no mapping .*": WARN, "^next:": HEAD},
    )
    return 0


def _secs(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        raise UsageError(f"expected a number of seconds; found '{text}'") from None


def _refuse_existing(files: Sequence[Path], *, force: bool) -> None:
    there = [str(file) for file in files if file.exists()]
    if there and not force:
        raise BridgeError(f"{', '.join(there)} exists already; nothing was written. --force overwrites it")


def _used_names(folder: Path) -> set[str]:
    """Return the names of the .yml files in the folder. A new .yaml file must not have the same name."""
    return {file.stem for file in folder.glob(f"*{SUFFIXES[1]}")} if folder.is_dir() else set()


def _settings(config: Path, text: str, more: Mapping[str, str]) -> Settings:
    """Parse the new configuration in the same way as the bridge. Raise ConfigError.

    `text` may refer to environment variables that are not set yet. Use a dummy value for each of these variables.
    """
    unset = dict.fromkeys([PASSWORD, *re.findall(r"\$\{(\w+)\}", text)], "unset")
    known = {name: value for name, value in {**os.environ, **more}.items() if value}
    return parse_settings(text, config, {**unset, **known})


def _observed(
    settings: Settings, filters: dict[str, dict[str, int]], secs: float, capture: Path | None, log_level: str
) -> tuple[ObservedMessages, str]:
    """Return messages from the capture or from the broker, and a summary for the user.

    If `secs` is 0 and there is no capture, return no messages. Raise BridgeError if the broker does not respond.
    """
    observed = ObservedMessages()
    if capture is not None:
        _read(capture, observed)
        return observed, f"read {capture}"
    if not secs:
        return observed, "did not listen to the broker"
    with tempfile.TemporaryDirectory(prefix="mqtt-kinesis-init-") as scratch:
        file = Path(scratch) / "capture.jsonl"
        try:
            summary = record_session(settings, file, filters, _LIMITS, secs, log_level)
        except BridgeError as error:
            hint = (
                "nothing was written. Check --url, --username and the password ($MQTT_PASSWORD), "
                "or pass --listen-secs 0 to write the files without listening"
            )
            raise BridgeError(f"could not listen to the broker: {error}; {hint}") from error
        _read(file, observed)
    return observed, f"listened to the broker: {summary}"


def _read(file: Path, observed: ObservedMessages) -> None:
    for each in progress(read_capture(file), "reading"):
        observed.add(each.message, whole=each.whole)


def _write(files: Mapping[Path, str]) -> None:
    for file, text in files.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise BridgeError(f"{file} cannot be written: {error.strerror}") from None


def _written_lines(
    config: Path, summary: str, files: Mapping[Path, str], proposals: Sequence[Proposal]
) -> Iterator[str]:
    yield printable(summary)
    yield f"wrote {config}"
    # The lengths differ if there are no proposals, because `files` then contains the example.
    for file, each in zip(files, proposals, strict=False):
        what = f"{each.kind.payload}, {pluralize(each.messages, 'message')} on {pluralize(each.topics, 'topic')}"
        yield f"wrote {_shown(file)}: {printable(each.topic)} ({what})"
        yield f"  {printable(each.why)}"
        if each.odd:
            yield f"  {each.odd}"
    if not proposals:
        yield f"wrote {_shown(next(iter(files)))}: an example, because no message was suitable for a mapping"


def _shown(file: Path) -> str:
    near = os.path.relpath(file)
    return str(file) if near.startswith("..") else near


def _skipped_lines(observed: ObservedMessages, skipped: Sequence[tuple[str, str]]) -> Iterator[str]:
    if skipped:
        yield f"no mapping proposed for {pluralize(len(skipped), 'topic')}:"
        yield from (f"  {printable(topic)}: {reason}" for topic, reason in skipped[:_SHOWN_TOPICS])
        if len(skipped) > _SHOWN_TOPICS:
            yield f"  ... and {len(skipped) - _SHOWN_TOPICS} more"
    if observed.others:
        many = pluralize(observed.others, "message")
        yield f"{many} on topics after the first {len(observed.samples):,} were not examined"
    if observed.cut:
        yield f"{pluralize(observed.cut, 'message')} longer than mqtt.max_message_bytes were not examined"


def _try_options(examples: Sequence[Message]) -> str:
    """Return the options of a `try` command with the first message that is short and printable.

    If there is no such message, return the first topic and the word PAYLOAD.
    """
    for each in examples:
        payload = each.payload.decode(errors="replace")
        if len(payload) <= _READABLE_CHARS and (each.topic + payload).isprintable() and "\ufffd" not in payload:
            return f"-t {shlex.quote(each.topic)} -p {shlex.quote(payload)}"
    return f"-t {shlex.quote(printable(examples[0].topic))} -p PAYLOAD  (replace PAYLOAD by the text of a message)"


def _next_lines(config: Path, text: str, examples: Sequence[Message]) -> Iterator[str]:
    option = "" if config == Path("bridge.yaml") else f" --config {shlex.quote(str(config))}"
    yield "next:"
    # Ignore variables in comments, because they are only examples.
    for name in dict.fromkeys(re.findall(r"^[^#\n]*\$\{(\w+)\}", text, re.MULTILINE)):
        yield f"  export {name}=...  (not stored in a file)"
    yield f"  mqtt-kinesis check{option}"
    yield f"  mqtt-kinesis try{option} {_try_options(examples)}"
    yield f"  mqtt-kinesis doctor{option}"
    yield f"  mqtt-kinesis run{option}"
