"""Text functions. Characters are Unicode code points. A result longer than MAX_TEXT_CHARS is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.mapping.expressions.functions.function import MAX_TEXT_CHARS, Function, Parameter, tried
from bridge.mapping.expressions.functions.standard import to_string

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_WIDTH: Final = 256
"""Maximum width of `pad`, in characters."""
MAX_PARTS: Final = 2**20
"""Maximum number of parts of `split`. A payload has the same maximum number of values."""

_TEXT = Parameter("text", ("string",))
_SEARCHED = (
    Parameter("subject", ("string",)),
    Parameter("sub", ("string",)),
    Parameter("start", ("number",)),
    Parameter("end", ("number",)),
)


def _trim(text: str, characters: str | None = None) -> str:
    return text.strip(characters or None)


def _slice(subject: Any, start: Any, end: Any = None) -> Any:
    if start != start // 1 or (end is not None and end != end // 1):
        raise ValueError("start and end must be whole numbers")
    return subject[int(start) : None if end is None else int(end)]


def _find_first(subject: str, sub: str, *bounds: Any) -> int | None:
    return _found(subject.find, sub, bounds)


def _find_last(subject: str, sub: str, *bounds: Any) -> int | None:
    return _found(subject.rfind, sub, bounds)


def _found(find: Callable[..., int], sub: str, bounds: tuple[Any, ...]) -> int | None:
    """Return the index that `find` returns, or None if `sub` is empty or does not occur."""
    if any(bound != bound // 1 for bound in bounds):
        raise ValueError("start and end must be whole numbers")
    index = find(sub, *map(int, bounds))
    return index if sub and index >= 0 else None


def _split(text: str, separator: str, limit: Any = -1) -> list[str]:
    if not separator:
        raise ValueError("the separator is empty")
    if limit != int(limit):
        raise ValueError("limit must be a whole number")
    # Each part takes much more memory than its characters, so the number of parts is limited. Count the parts only in a
    # text that is long enough to exceed the limit.
    if len(text) >= MAX_PARTS and not 0 <= limit < MAX_PARTS and text.count(separator) >= MAX_PARTS:
        raise ValueError(f"more than {MAX_PARTS:,} parts")
    # For Python, -1 means no limit.
    return text.split(separator, int(limit))


def _replace(text: str, old: str, new: str) -> str:
    if not old:
        raise ValueError("the text to replace is empty")
    # Compute the length first, so that a too long text is never created.
    if len(new) > len(old) and len(text) + text.count(old) * (len(new) - len(old)) > MAX_TEXT_CHARS:
        raise ValueError(f"the result is longer than {MAX_TEXT_CHARS} characters")
    return text.replace(old, new)


def _pad(text: Any, width: Any, fill: str = " ", side: str = "left") -> str:
    if width != int(width) or not 0 <= width <= MAX_WIDTH:
        raise ValueError(f"width must be a whole number from 0 to {MAX_WIDTH}")
    if len(fill) != 1:
        raise ValueError("fill must be one character")
    if side not in {"left", "right"}:
        raise ValueError("side must be 'left' or 'right'")
    written = to_string(text)
    return written.rjust(int(width), fill) if side == "left" else written.ljust(int(width), fill)


_PAD = (
    Parameter("text", ("string", "number")),
    Parameter("width", ("number",)),
    Parameter("fill", ("string",)),
    Parameter("side", ("string",)),
)

COMMUNITY_TEXT: Final[tuple[Function, ...]] = (
    Function(
        "find_first",
        _SEARCHED,
        _find_first,
        "The index of the first occurrence of `sub` between start and end; null if there is none.",
        (("find_first('press07-temp', '-')", 7), ("find_first('a-b-c', '-', 2)", 3)),
        optional=2,
        bind=tried(_find_first, "", "", 0, 0),
    ),
    Function(
        "find_last",
        _SEARCHED,
        _find_last,
        "The index of the last occurrence of `sub` between start and end; null if there is none.",
        (("find_last('a-b-c', '-')", 3), ("find_last('a-b-c', '-', 0, 3)", 1)),
        optional=2,
        bind=tried(_find_last, "", "", 0, 0),
    ),
    Function("lower", (_TEXT,), str.lower, "The text in lower case.", (("lower('RUN')", "run"),)),
    Function("upper", (_TEXT,), str.upper, "The text in upper case.", (("upper('run')", "RUN"),)),
    Function(
        "trim",
        (_TEXT, Parameter("characters", ("string",))),
        _trim,
        "The text without these characters at both ends. By default, white space is removed.",
        (("trim('  run ')", "run"), ("trim('--run-', '-')", "run")),
        optional=1,
    ),
    Function(
        "split",
        (_TEXT, Parameter("separator", ("string",)), Parameter("limit", ("number",))),
        _split,
        "The list of the parts between the separators. With a limit, the text is split at most `limit` times, from the "
        "left.",
        (("split('pdx/line3/press', '/')", ["pdx", "line3", "press"]), ("split('a-b-c', '-', `1`)", ["a", "b-c"])),
        optional=1,
        cost=4,
        bind=tried(_split, "", "/", 1),
    ),
    Function(
        "replace",
        (_TEXT, Parameter("old", ("string",)), Parameter("new", ("string",))),
        _replace,
        "The text with each `old` replaced by `new`.",
        (("replace('1,5', ',', '.')", "1.5"),),
        bind=tried(_replace, "", " ", ""),
    ),
)
"""Functions of the JMESPath Community specification. The only difference: `split` accepts no empty separator."""

TEXT: Final[tuple[Function, ...]] = (
    Function(
        "slice",
        (Parameter("subject", ("string", "array")), Parameter("start", ("number",)), Parameter("end", ("number",))),
        _slice,
        "The part of a text or array from start up to end, not including end. Negative numbers count from the end of "
        "the text or array.",
        (("slice('press07', 0, 5)", "press"), ("slice('press07', -2)", "07")),
        optional=1,
        bind=tried(_slice, "", 0, 0),
    ),
    Function(
        "pad",
        _PAD,
        _pad,
        "The text filled up to a width (at most 256 characters). It is filled on the left, or on the right if side is "
        "'right'. A longer text is not cut.",
        (("pad(`7`, `3`, '0')", "007"), ("pad('ab', `4`, '.', 'right')", "ab..")),
        optional=2,
        size_factor=20,
        bind=tried(_pad, "", 1, " ", "left"),
    ),
)
