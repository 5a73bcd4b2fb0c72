"""Declaration of a function of the expression language: its parameters, its meaning, its documentation.

Every function is one frozen `Function`. The compiler reads the parameters to check calls when a mapping is loaded, and
arguments when a message arrives. docs/reference/functions.md shows the summary and the examples,
and the tests evaluate the examples.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import TransformError

if TYPE_CHECKING:
    from collections.abc import Mapping

Search = Callable[[Any], Any]
"""A compiled expression: a function from the value that it is evaluated on to its result."""

TYPE_NAMES: Final[Mapping[type, str]] = {
    str: "string",
    bool: "boolean",
    list: "array",
    dict: "object",
    int: "number",
    float: "number",
    NoneType: "null",
}
NUMBER: Final[frozenset[type]] = frozenset({int, float})
STRING: Final[frozenset[type]] = frozenset({str})
ARRAY: Final[frozenset[type]] = frozenset({list})

TYPES: Final[Mapping[str, frozenset[type]]] = {
    "number": NUMBER,
    "string": STRING,
    "array": ARRAY,
    "object": frozenset({dict}),
    "boolean": frozenset({bool}),
    "null": frozenset({NoneType}),
    "array-number": ARRAY,
    "array-string": ARRAY,
}
ELEMENT_TYPES: Final[Mapping[str, frozenset[type]]] = {"array-number": NUMBER, "array-string": STRING}

MAX_TEXT_CHARS: Final = 16 * 1024 * 1024
"""Maximum length of a text that a function returns: above the largest Kinesis record (10 MiB), far below memory."""

STEP_CHARS: Final = 32
"""Characters of text that count as one step of work (`Binding.charging`)."""

_LINK: Final = re.compile(r"\[([^]]+)\]\(([^)]+)\)")

MISSING: Final = object()
"""Marker for an argument that is not known when the mapping is loaded."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function.

    `kinds` are JMESPath types ("number", "array-string", …); an empty tuple accepts any value, "expref" only `&name`.
    """

    name: str
    kinds: tuple[str, ...] = ()

    @property
    def expref(self) -> bool:
        """Flag for a parameter that accepts an expression (`&name`) and not a value."""
        return self.kinds == ("expref",)

    @property
    def types(self) -> frozenset[type] | None:
        """Python types that the parameter accepts; None: all."""
        return frozenset().union(*(TYPES[kind] for kind in self.kinds)) if self.kinds else None

    @property
    def elements(self) -> tuple[frozenset[type], ...]:
        """Families of element types of an array: all elements must belong to one family. Empty: any elements."""
        return tuple(ELEMENT_TYPES[kind] for kind in self.kinds if kind in ELEMENT_TYPES)

    def expected(self) -> str:
        """Return the kinds in words, for an error text such as "a number or an array of strings"."""
        return " or ".join(_article(kind) for kind in self.kinds)


def _free(_steps: int) -> None:
    """Accept any amount of work."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Facts about a call when the mapping is loaded: its literal arguments (or MISSING) and the lookup tables.

    A function that counts its work calls `charging` once. This returns a function to call with the number of steps of
    each piece of work. It raises TransformError if the total work for one message is too large.
    """

    literals: tuple[Any, ...]
    tables: Mapping[str, Mapping[str, Any]]
    charging: Callable[[], Callable[[int], None]] = lambda: _free

    def literal(self, position: int, default: Any = MISSING) -> Any:
        """Return the literal argument at this position (from 0), or `default` if the call omits the argument."""
        return self.literals[position] if position < len(self.literals) else default


def tried(apply: Callable[..., Any], *samples: Any) -> Callable[[Binding], Callable[..., Any]]:
    """Return a `bind` that calls `apply` once with the literals of a call, to find a faulty literal early.

    If `apply` raises ValueError for a literal, the call would fail for every message. `samples` replace the arguments
    that only a message provides.
    """

    def bind(binding: Binding) -> Callable[..., Any]:
        values = [
            sample if given is MISSING else given for given, sample in zip(binding.literals, samples, strict=False)
        ]
        # These errors depend on the values, so they are reported with the message that causes them.
        with contextlib.suppress(ArithmeticError, TypeError, LookupError):
            apply(*values)
        return apply

    return bind


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the expression language.

    - `apply` receives checked arguments. If it raises ValueError, TypeError or ArithmeticError, the call raises
      TransformError.
    - `summary` and `examples` (pairs of call and result) are the documentation.
    - `optional` is the number of parameters, from the end, that a call may omit. In a `variadic` function, the last
      parameter may be repeated.
    - `first_only`: only the type of the first argument of a variadic call is checked, as in the `jmespath` package.
    - `bind` may return an `apply` that is specialised for one call, for example with a compiled pattern. If it raises
      ValueError, the mapping file does not load.
    - `lazy` builds the entire call from compiled arguments, for a function that does not evaluate all of them.
    - `cost`: time of one call in units of about 100 ns. The compiler uses it to decide whether to evaluate a repeated
      call only once.
    - `growth`: maximum length of the result as a multiple of the arguments' length.
    - `charges`: True if no multiple of the arguments limits the result, so that each call counts its work
      (`Binding.charging`).
    """

    name: str
    parameters: tuple[Parameter, ...]
    apply: Callable[..., Any]
    summary: str
    examples: tuple[tuple[str, Any], ...]
    optional: int = 0
    variadic: bool = False
    first_only: bool = False
    bind: Callable[[Binding], Callable[..., Any]] | None = None
    lazy: Callable[[list[Search]], Search] | None = None
    cost: int = 2
    growth: int = 1
    charges: bool = False

    @property
    def plain_summary(self) -> str:
        """Summary for a terminal or an editor: a link of the documentation without brackets, and with its file."""
        return _LINK.sub(r"\1 (docs/reference/\2)", self.summary)

    @property
    def fewest(self) -> int:
        """Minimum number of arguments of a call."""
        return len(self.parameters) - self.optional

    @property
    def signature(self) -> str:
        """Signature in the notation of the reference: `pad(text, width[, fill[, side]])`."""
        names = [parameter.name for parameter in self.parameters]
        needed = ", ".join(names[: self.fewest]) + (", …" if self.variadic else "")
        return (
            f"{self.name}({needed}" + "".join(f"[, {name}" for name in names[self.fewest :]) + "]" * self.optional + ")"
        )

    def parameter(self, position: int) -> Parameter:
        """Return the parameter for the argument at this position (from 0)."""
        parameter = self.parameters[min(position, len(self.parameters) - 1)]
        return Parameter(parameter.name) if self.first_only and position else parameter

    def arity_problem(self, given: int) -> str | None:
        """Return an error text if the function cannot have this number of arguments, else None."""
        if given < self.fewest or (given > len(self.parameters) and not self.variadic):
            some = f"{self.fewest}"
            if self.variadic:
                some = f"at least {self.fewest}"
            elif self.optional:
                some = f"{self.fewest} to {len(self.parameters)}"
            plural = "" if some.split()[-1] == "1" else "s"
            return f"{self.name}() takes {some} argument{plural}, found {given}: {self.signature}"
        return None

    def mismatch(self, position: int, value: Any) -> TransformError:
        """Return the error for an argument of the wrong type, with its position, the expected types and its value."""
        parameter = self.parameter(position)
        found = described(value)
        if type(value) is list and parameter.elements:
            found = _odd_element(value, parameter)
        return TransformError(
            f"{self.name}(): argument {position + 1} ({parameter.name}) must be {parameter.expected()}, found {found}"
        )


def described(value: Any) -> str:
    """Return the type of a value, and the value cut to 40 characters, for an error text."""
    kind = TYPE_NAMES.get(type(value), type(value).__name__)
    if type(value) is list:
        return f"an array of {len(value)}"
    if type(value) is dict:
        return f"an object of {len(value)}"
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    text = value if type(value) is str else f"{value:.17g}" if type(value) is float else hex(value)[:40]
    if type(value) is int and value.bit_length() <= 64:  # noqa: PLR2004 - longer integers are slow to convert to decimal
        text = str(value)
    shown = text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004 - about what fits a log line
    return f"{kind} '{shown}'" if kind == "string" else f"{kind} {shown}"


def _article(kind: str) -> str:
    if kind in ELEMENT_TYPES:
        return f"an array of {kind.removeprefix('array-')}s"
    return f"an {kind}" if kind[0] in "ao" else kind if kind == "null" else f"a {kind}"


def _odd_element(values: list[Any], parameter: Parameter) -> str:
    """Return the first element whose type differs from the others, with its index, for an error text."""
    # The first element determines the family of the others.
    fitting = next((types for types in parameter.elements if type(values[0]) in types), parameter.elements[0])
    place = next((index for index, value in enumerate(values) if type(value) not in fitting), 0)
    return f"{described(values[place])} at [{place}]"
