r"""Functions for regular expressions, with the library RE2. Its run time is proportional to the length of the text.

With Python's `re`, the pattern `(a+)+b` would stop the bridge on a text of forty characters. But even with RE2,
compiling a pattern can take long: `\pL{1,50}` takes 70 ms. Messages with such patterns would slow down the bridge. So
the memory for a pattern from a message is limited more strictly than for a literal, and compiling the pattern counts as
work.

Syntax: https://github.com/google/re2/wiki/Syntax (no look-around, no back-references).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import re2  # type: ignore[import-untyped]  # google-re2 ships no types

from bridge.mapping.expressions.functions.function import Binding, Function, Parameter

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PATTERN_CHARS: Final = 4096
"""Maximum length of a pattern, in characters."""
# Maximum memory of a compiled pattern that is a literal (RE2's option `max_mem`).
_MAX_MEMORY_BYTES: Final = 1024 * 1024
# Maximum memory of a compiled pattern from a message. With this limit, compiling takes at most about 3 ms.
_MESSAGE_MEMORY_BYTES: Final = 128 * 1024
PATTERN_STEPS: Final = 2_000
"""Number of steps that a new pattern in a message counts as work. So a message may contain 1,000 new patterns."""
# Number of patterns from messages in the cache. A cached pattern does not count as work again.
_STORED_PATTERNS: Final = 64

_PARAMETERS = (Parameter("text", ("string",)), Parameter("pattern", ("string",)))


def _compiled(pattern: str, max_bytes: int = _MAX_MEMORY_BYTES) -> Any:
    """Return the compiled pattern. Raise ValueError if it is too long, invalid, or needs more than `max_bytes`."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise ValueError(f"the pattern is longer than {MAX_PATTERN_CHARS} characters")
    # RE2 guarantees a time linear in the length of the text: https://github.com/google/re2/wiki/WhyRE2
    options = re2.Options()
    # Do not let RE2 print errors to stderr: the ValueError below reports the errors.
    options.log_errors = False
    options.max_mem = max_bytes
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it does not compile"
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"the pattern is not valid: {text}") from error


def _of_messages(binding: Binding) -> Callable[[str], Any]:
    """Return the function that compiles patterns from messages. It caches patterns, and counts new patterns as work."""
    charge = binding.charging()

    @lru_cache(_STORED_PATTERNS)
    def compiled(pattern: str) -> Any:
        charge(PATTERN_STEPS)
        return _compiled(pattern, _MESSAGE_MEMORY_BYTES)

    return compiled


def _match(text: str, pattern: str) -> bool:
    return _compiled(pattern).search(text) is not None


def _bind_match(binding: Binding) -> Callable[..., Any]:
    """Return `regex_match` for a literal pattern, which is compiled once. Raise ValueError for an invalid pattern."""
    pattern = binding.literal(1)
    if type(pattern) is not str:
        compiled = _of_messages(binding)
        return lambda text, pattern: compiled(pattern).search(text) is not None
    search = _compiled(pattern).search
    return lambda text, _: search(text) is not None


def _group(compiled: Any, group: Any) -> int | str:
    """Return the number or name of the group to extract. Raise ValueError if the pattern does not have the group.

    If `group` is None, return 1 for the first group. If the pattern has no groups, return 0 for the complete match.
    """
    if group is None:
        return 1 if compiled.groups else 0
    if type(group) is str and group in compiled.groupindex:
        return group
    if type(group) is not str and group == int(group) and 0 <= group <= compiled.groups:
        return int(group)
    raise ValueError(f"the pattern has no group {group!r}")


def _extract(text: str, pattern: str, group: Any = None) -> Any:
    return _extracted(_compiled(pattern), text, group)


def _extracted(compiled: Any, text: str, group: Any) -> Any:
    place = _group(compiled, group)
    found = compiled.search(text)
    return found[place] if found else None


def _bind_extract(binding: Binding) -> Callable[..., Any]:
    """Return `regex_extract` for a literal pattern and a literal group, which are checked once. Raise ValueError."""
    pattern, group = binding.literal(1), binding.literal(2, None)
    if type(pattern) is not str or type(group) not in {str, int, type(None)}:
        of_messages = _of_messages(binding)
        return lambda text, pattern, group=None: _extracted(of_messages(pattern), text, group)
    compiled = _compiled(pattern)
    place = _group(compiled, group)
    search = compiled.search

    def extract(text: str, *_: Any) -> Any:
        found = search(text)
        return found[place] if found else None

    return extract


REGEX: Final[tuple[Function, ...]] = (
    Function(
        "regex_match",
        _PARAMETERS,
        _match,
        "Whether the pattern (RE2) matches a part of the text. ^ matches the beginning of the text, and $ its end.",
        (("regex_match('press07', '^press\\d+$')", True),),
        bind=_bind_match,
        cost=50,
    ),
    Function(
        "regex_extract",
        (*_PARAMETERS, Parameter("group", ("number", "string"))),
        _extract,
        "The text that a group of the pattern (RE2) matches. The group has a number or a name. By default it is the "
        "first group, or the complete match if there are no groups. null if the pattern does not match.",
        (("regex_extract('press07-temp', 'press(\\d+)')", "07"), ("regex_extract('press', '\\d+')", None)),
        optional=1,
        bind=_bind_extract,
        cost=50,
    ),
)
