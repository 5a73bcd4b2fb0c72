"""Logging to standard error, as text for people, or with one JSON object per line for machines."""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

import orjson

from bridge.terminal import BAD, WARN, coloured, supports_colour

if TYPE_CHECKING:
    from typing import Literal

# Attributes that every log record has. All other attributes were passed as `extra`, and are added to the log line.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Control characters except tab and newline, and characters that change the direction of the text.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
MAX_TEXT_CHARS = 4_000
"""Maximum length of a message and of each extra value.

A limit is necessary because errors of libraries may quote payloads of up to 10 MiB. It is large enough for ten errors
in mapping files with their hints.
"""
# Loggers that may log secrets such as headers and signatures at debug level. Their level is never below warning. This
# program cannot remove the secrets, because libraries write these texts.
_QUIET = ("botocore", "boto3", "urllib3", "asyncio", "bridge.mqtt.paho")


def set_up_logging(
    form: Literal["text", "json"], level: str, stream: TextIO | None = None, *, worker: str = ""
) -> None:
    """Configure logging. An earlier configuration is replaced.

    `level` is debug, info, warning or error. `worker` is the name of the worker, which is added to each line.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    colour = supports_colour(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter(colour=colour))
    if worker:
        handler.addFilter(lambda record: _named(record, worker))
    # Remove handlers of earlier calls. Otherwise, each line would appear twice.
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _named(record: logging.LogRecord, worker: str) -> bool:
    # Python's logging allows a filter to change the record. The formatters show this attribute like any `extra` value.
    record.worker = worker
    return True


def _bounded(text: str) -> str:
    """Return a text, truncated if it is longer than MAX_TEXT_CHARS."""
    more = len(text) - MAX_TEXT_CHARS
    return f"{text[:MAX_TEXT_CHARS]} … ({more:,} more characters)" if more > 0 else text


def _safe(text: str) -> str:
    """Truncate a text, and escape characters that a terminal would interpret.

    The text may come from another system. Tabs and line breaks are not escaped.
    """
    text = _bounded(text)
    return text if text.isprintable() else _UNSAFE.sub(lambda found: repr(found[0])[1:-1], text)


def _extras(record: logging.LogRecord) -> dict[str, object]:
    values = ((name, value) for name, value in vars(record).items() if name not in _STANDARD)
    return {name: _bounded(value) if isinstance(value, str) else value for name, value in values}


def _line(value: object) -> str:
    return _safe(str(value)).replace("\n", "\\n")


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonFormatter(logging.Formatter):
    """Formatter for one JSON object per line: `{"time", "level", "event", "source", ...extras, "traceback"?}`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "event": _bounded(record.getMessage()),
            "source": record.name,
            **_extras(record),
        }
        if record.exc_info:
            line["traceback"] = _bounded(self.formatException(record.exc_info))
        # orjson escapes only ASCII control characters, so escape the other unsafe characters here.
        return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", orjson.dumps(line, default=str).decode())


class TextFormatter(logging.Formatter):
    """Formatter for lines such as `2026-01-31T12:00:00.000Z warning  message  name=value`.

    With `colour`, warnings are yellow and errors red.
    """

    def __init__(self, *, colour: bool = False) -> None:
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a text, followed by its traceback if there is one.

        Lines after the first are indented, and line breaks in extra values are escaped. So no text can look like
        another log line.
        """
        message = _safe(record.getMessage()).replace("\n", "\n    ")
        extras = "".join(f"  {name}={_line(value)}" for name, value in _extras(record).items())
        level = f"{record.levelname.lower():<8}"
        if self._colour and record.levelno >= logging.WARNING:
            level = coloured(level, BAD if record.levelno >= logging.ERROR else WARN)
        text = f"{_time(record)} {level} {message}{extras}"
        return f"{text}\n{_safe(self.formatException(record.exc_info))}" if record.exc_info else text
