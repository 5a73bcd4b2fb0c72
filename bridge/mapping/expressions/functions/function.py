"""Declaration of a function of the expression language: its parameters, its implementation, its documentation.

Each function is one frozen `Function`. The compiler uses the parameters to check calls when a mapping is loaded, and to
check arguments when a message arrives. docs/reference/functions.md contains the summary and the examples. The tests
evaluate the examples.
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
"""A closure: a Python function that evaluates a compiled expression on its argument, and returns the result."""

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
"""Maximum number of characters of a text that a function returns.

The limit is larger than the largest Kinesis record (10 MiB), so it affects no valid record.
"""

STEP_CHARS: Final = 32
"""Number of characters that count as one step of work (`Binding.charging`)."""

# Matches a Markdown link: its text and its address.
_LINK: Final = re.compile(r"\[([^]]+)\]\(([^)]+)\)")

MISSING: Final = object()
"""Marker for an argument that is not a literal. Its value is unknown when the mapping is loaded."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a function.

    `kinds` are the JMESPath types that the parameter accepts ("number", "array-string", …). An empty tuple means any
    value. "expref" means an `&` expression.
    """

    name: str
    kinds: tuple[str, ...] = ()

    @property
    def expref(self) -> bool:
        """True if the parameter accepts an expression (`&name`) and not a value."""
        return self.kinds == ("expref",)

    @property
    def types(self) -> frozenset[type] | None:
        """Python types that the parameter accepts. None means all types."""
        return frozenset().union(*(TYPES[kind] for kind in self.kinds)) if self.kinds else None

    @property
    def elements(self) -> tuple[frozenset[type], ...]:
        """Families of types for the elements of an array. All elements must belong to the same family.

        An empty tuple means that the elements can have any type.
        """
        return tuple(ELEMENT_TYPES[kind] for kind in self.kinds if kind in ELEMENT_TYPES)

    def expected(self) -> str:
        """Return the accepted types in words for an error text, such as "a number or an array of strings"."""
        return " or ".join(_article(kind) for kind in self.kinds)


def _free(_steps: int) -> None:
    """Do nothing. This function replaces `charge` for a call whose work is not counted."""


@dataclass(frozen=True, slots=True)
class Binding:
    """Facts about a call of a function that are known when the mapping is loaded.

    - `literals`: the arguments in order. An argument that is not a literal is MISSING.
    - `tables`: the lookup tables by name
    - `charging`: for a function that counts its work. `charging()` returns the function `charge`. The implementation
      calls `charge(steps)` for each part of its work. `charge` raises TransformError if the total work for one message
      is too large.
    """

    literals: tuple[Any, ...]
    tables: Mapping[str, Mapping[str, Any]]
    charging: Callable[[], Callable[[int], None]] = lambda: _free

    def literal(self, position: int, default: Any = MISSING) -> Any:
        """Return the literal at this position (from 0).

        Return `default` if the call omits the argument, and MISSING if the argument is not a literal.
        """
        return self.literals[position] if position < len(self.literals) else default


def tried(apply: Callable[..., Any], *samples: Any) -> Callable[[Binding], Callable[..., Any]]:
    """Return a `bind` that finds faulty literals when the mapping is loaded.

    The `bind` calls `apply` once with the literals of the call. For arguments that are not literals, it uses the values
    in `samples`. The samples must be valid, so a ValueError means that a literal is faulty. A call with this literal
    would fail for every message.
    """

    def bind(binding: Binding) -> Callable[..., Any]:
        values = [
            sample if given is MISSING else given for given, sample in zip(binding.literals, samples, strict=False)
        ]
        # These errors may depend on the arguments that are not literals. So the call reports them when a message
        # arrives.
        with contextlib.suppress(ArithmeticError, TypeError, LookupError):
            apply(*values)
        return apply

    return bind


@dataclass(frozen=True, slots=True)
class Function:
    """One function of the expression language.

    - `apply`: the implementation. The types of its arguments are already checked. If `apply` raises ValueError,
      TypeError or ArithmeticError, the call raises TransformError.
    - `summary`, `examples`: the documentation. Examples are pairs of a call and its result.
    - `optional`: number of parameters at the end that a call may omit.
    - `variadic`: True if a call may have more arguments than parameters. The last parameter then describes all further
      arguments.
    - `first_only`: True if only the type of the first argument is checked, as in the `jmespath` package.
    - `bind`: returns an `apply` that is specialised for one call, for example with a compiled pattern. If `bind` raises
      ValueError, the mapping file does not load.
    - `lazy`: returns the closure for a call. `lazy` is for functions that do not evaluate all arguments, such as `if`.
    - `cost`: time of one call in units of about 100 ns. The compiler uses `cost` to decide whether a repeated call
      should be evaluated only once.
    - `size_factor`: maximum size of the result, as a multiple of the size of the arguments.
    - `charges`: True if the size of the arguments does not limit the size of the result, as for `range`. Each call then
      counts its work (`Binding.charging`).
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
    size_factor: int = 1
    charges: bool = False

    @property
    def plain_summary(self) -> str:
        """Summary without Markdown, for a terminal or an editor. A link becomes its text and the path of its file."""
        return _LINK.sub(r"\1 (docs/reference/\2)", self.summary)

    @property
    def fewest(self) -> int:
        """Minimum number of arguments of a call."""
        return len(self.parameters) - self.optional

    @property
    def signature(self) -> str:
        """Signature as in the documentation: `pad(text, width[, fill[, side]])`."""
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
        """Return an error text if a call cannot have this number of arguments, else None."""
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
        """Return the error for an argument of the wrong type. `position` is its index (from 0)."""
        parameter = self.parameter(position)
        found = described(value)
        if type(value) is list and parameter.elements:
            found = _odd_element(value, parameter)
        return TransformError(
            f"{self.name}(): argument {position + 1} ({parameter.name}) must be {parameter.expected()}, found {found}"
        )


def described(value: Any) -> str:
    """Return the type of a value and the first 40 characters of the value, for an error text."""
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
    # Converting a very long integer to decimal is slow, so it is shown in hexadecimal.
    if type(value) is int and value.bit_length() <= 64:  # noqa: PLR2004
        text = str(value)
    shown = text if len(text) <= 40 else text[:39] + "…"  # noqa: PLR2004 - so that an error fits one line of a log
    return f"{kind} '{shown}'" if kind == "string" else f"{kind} {shown}"


def _article(kind: str) -> str:
    if kind in ELEMENT_TYPES:
        return f"an array of {kind.removeprefix('array-')}s"
    return f"an {kind}" if kind[0] in "ao" else kind if kind == "null" else f"a {kind}"


def _odd_element(values: list[Any], parameter: Parameter) -> str:
    """Return text about the first element whose type does not fit the first element of the array, with its index."""
    # The first element determines the family to which all elements must belong.
    fitting = next((types for types in parameter.elements if type(values[0]) in types), parameter.elements[0])
    place = next((index for index, value in enumerate(values) if type(value) not in fitting), 0)
    return f"{described(values[place])} at [{place}]"
