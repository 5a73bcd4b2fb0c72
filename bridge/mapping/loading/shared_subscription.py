"""Checks for mappings if several bridges divide the messages of a topic (`mqtt.share` or `run --workers`).

Each bridge receives only some of the messages, so a stateful mapping would produce wrong records:

- `changes` compares a value with the value last sent. One bridge does not know the values that another bridge has sent.
- `sample` would send one sample per bridge instead of one sample in all.
- A Sparkplug birth message would reach one bridge, and its data messages would reach other bridges.

The wrong records would look correct, so such a mapping does not load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.mapping.mapping import Mapping

_INSTEAD = (
    "run it in a separate bridge, without mqtt.share and --workers: another bridge.yaml with its own mqtt.client_id, "
    "spool.path, mappings folder and http.listen"
)


def unshareable(mapping: Mapping) -> tuple[str, str] | None:
    """Return the option that prevents sharing and the reason, or None if several bridges can share the mapping."""
    specification = mapping.specification
    if specification.payload == "sparkplug_b":
        why = "one bridge must receive all births, data and deaths of an edge node"
        return "payload", f"sparkplug_b: {why}, but a shared subscription divides them; {_INSTEAD}"
    for key in ("changes", "sample"):
        if getattr(specification, key) is not None:
            why = "needs every message of its topic, but a shared subscription sends each bridge only some of them"
            return key, f"{why}; {_INSTEAD}"
    return None


def order_warning(mapping: Mapping) -> str:
    """Return a warning about outputs with `order: strict`, or "" if the mapping has no such output.

    Such a mapping loads, because each bridge still keeps the order of the messages that it receives.
    """
    streams = [output.data_stream for output in mapping.outputs if output.order == "strict"]
    if not streams:
        return ""
    return (
        f"order: strict to {', '.join(streams)} keeps the order only within one bridge: with mqtt.share or --workers, "
        "messages with the same key may go through different bridges and overtake each other; if this matters, give "
        "each bridge its own topics"
    )
