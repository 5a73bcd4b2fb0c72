"""The scope: the names that an expression of a mapping can use, with their values for one message.

payload         the decoded payload; with `payload: bytes` a list of integers from 0 to 255
topic           text
levels          the topic's levels, a list of text
captures        the captures of the topic pattern, by name
received_at     receive time as RFC 3339 text in UTC, with milliseconds: 2023-11-14T22:13:20.000Z
received_at_ms  receive time in milliseconds since 1970
qos             0, 1 or 2, as received
retain          true for a retained message
properties      MQTT 5 properties, such as the content type and user properties; empty for MQTT 3.1.1
mapping         the mapping's name
vars            only if the mapping has `vars`: the values of its expressions, by name
record          only in `partition_key_from`: the record as a value
sample          only with `sample: {keep: mean}`: the statistics of the current span of time
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
"""Possible keys of `properties`. If the broker sends properties that cannot be read, `unreadable` is the only key."""


def scope_builder(mapping: str, names: frozenset[str] | None) -> BuildScope:
    """Return the function that builds the scope of a message.

    `names` are the names that expressions of the mapping use, or None for all names. The scope omits all other names,
    because computing their values takes time. `payload` and `captures` are always included: their values already exist.
    """

    def mapping_name(_message: Message, _levels: list[str]) -> str:
        return mapping

    # Cache the text of the receive time, because all messages of a burst have the same receive time.
    time_text = lru_cache(maxsize=16)(rfc3339)

    def received_at(message: Message, _levels: list[str]) -> str:
        return time_text(message.received_at_ms)

    values = {**_VALUES, "mapping": mapping_name, "received_at": received_at}
    # The first two names are `payload` and `captures`, which are always in the scope.
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
    """Return the function that adds the values of `vars` to a scope, or None for a mapping without `vars`.

    The function evaluates the expressions in order, so that an expression can use the values of earlier expressions.
    The function raises TransformError.
    """
    if not expressions:
        return None
    searches = [(name, expression.search) for name, expression in expressions.items()]

    def define(scope: Scope) -> None:
        values: dict[str, Any] = {}
        # Add `values` to the scope before the loop, so that an expression can use the values of earlier expressions.
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
