"""Names that a JMESPath expression of a mapping can use.

payload         the decoded payload; with `payload: bytes` a list of integers 0-255
topic           text
levels          the topic's levels, a list of text
captures        the captures of the topic pattern, by name
received_at     RFC 3339 in UTC, to the millisecond: 2023-11-14T22:13:20.000Z
received_at_ms  the same as milliseconds since 1970
qos, retain     as received: 0, 1 or 2; true or false
properties      MQTT 5 properties: content type, user properties and so on; empty under 3.1.1
mapping         the mapping's name
vars            with `vars` only: the values of its expressions, by name
record          in `partition_key_from` only: the record, before it becomes JSON bytes
sample          with `sample: {keep: mean}` only: the statistics of the span
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from bridge.errors import TransformError
from bridge.timestamps import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.mapping.expressions.expression import Expression
    from bridge.model import Message

Scope: TypeAlias = dict[str, Any]
BuildScope: TypeAlias = "Callable[[Message, Any, dict[str, str], list[str]], Scope]"
"""Function from (message, decoded payload, captures, levels of the topic) to the scope."""

_Value: TypeAlias = "Callable[[Message, list[str]], Any]"
RECORD = "record"
VARS = "vars"
SCOPE_NAMES = (
    "payload",
    "captures",
    "topic",
    "levels",
    "received_at",
    "received_at_ms",
    "qos",
    "retain",
    "properties",
    "mapping",
)

PROPERTY_NAMES = (
    "content_type",
    "response_topic",
    "correlation_data",
    "user_properties",
    "payload_format_indicator",
    "message_expiry_interval",
    "unreadable",
)
"""Possible keys of `properties`. `unreadable` replaces all others, if a broker sent properties that cannot be read."""


def scope_builder(mapping: str, names: frozenset[str] | None) -> BuildScope:
    """Return the function that builds the scope with `names` (None: all names).

    It omits only names that no expression of the mapping can use, so the results are the same. Names that cost nothing
    are always included.
    """

    def mapping_name(_message: Message, _levels: list[str]) -> str:
        return mapping

    time_text = lru_cache(maxsize=16)(rfc3339)  # the messages of a burst have the same time

    def received_at(message: Message, _levels: list[str]) -> str:
        return time_text(message.received_at_ms)

    values = {**_VALUES, "mapping": mapping_name, "received_at": received_at}
    # `payload` and `captures`, the first two names, cost nothing and are always in the scope.
    extras = tuple((name, values[name]) for name in SCOPE_NAMES[2:] if names is None or name in names)

    def build(_message: Message, payload: Any, captures: dict[str, str], _levels: list[str]) -> Scope:
        return {"payload": payload, "captures": captures}

    def build_with_extras(message: Message, payload: Any, captures: dict[str, str], levels: list[str]) -> Scope:
        scope = {"payload": payload, "captures": captures}
        for name, value in extras:
            scope[name] = value(message, levels)
        return scope

    return build_with_extras if extras else build


def definer(expressions: Mapping[str, Expression]) -> Callable[[Scope], None] | None:
    """Return the function that adds the values of `vars` to a scope in their order; None without `vars`.

    The function raises TransformError. Each expression can use the values before its own.
    """
    if not expressions:
        return None
    searches = [(name, expression.search) for name, expression in expressions.items()]

    def define(scope: Scope) -> None:
        values: dict[str, Any] = {}
        scope[VARS] = values
        for name, search in searches:
            try:
                values[name] = search(scope)
            except TransformError as error:
                raise TransformError(f"{VARS}.{name}: {error.detail}") from None

    return define


_VALUES: dict[str, _Value] = {
    "topic": lambda message, _levels: message.topic,
    "levels": lambda _message, levels: levels,
    "received_at_ms": lambda message, _levels: message.received_at_ms,
    "qos": lambda message, _levels: message.qos,
    "retain": lambda message, _levels: message.retain,
    "properties": lambda message, _levels: message.properties,
}
