"""Job `propose`: propose a mapping for a topic that no mapping matches, in the same way as `init`."""

from __future__ import annotations

from typing import Any

from bridge.errors import BridgeError
from bridge.mapping.proposals.proposals import ObservedMessages, propose
from bridge.web.jobs.trial import message_of


def propose_mapping(asked: dict[str, Any]) -> dict[str, Any]:
    """Return {name, text, notes} for a request {topic, messages, stream, taken}.

    `taken` has the names of existing mappings, in lower case. Raise BridgeError if nothing can be proposed.
    """
    observed = ObservedMessages()
    for each in asked["messages"]:
        if each["topic"] == asked["topic"]:
            observed.add(message_of(each))
    proposals, others = propose(observed, asked["stream"], asked["taken"])
    if not proposals:
        reason = next((reason for _, reason in others), "no message of this topic was given")
        raise BridgeError(f"no mapping can be proposed for {asked['topic']}: {reason}")
    best = proposals[0]
    return {"name": best.name, "text": best.text, "notes": [note for note in (best.why, best.odd) if note]}
