"""Topic filters from the broker's view: which of them overlap, and the identifier of each subscription.

https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901241 (4.7, Topic Names and Topic Filters)
"""

from __future__ import annotations

import zlib

# Largest Subscription Identifier, MQTT 5 section 3.8.2.1.2. 0 is not allowed.
_MAX_IDENTIFIER = 268_435_455


def without_group(text: str) -> str:
    """Return a subscription's topic filter without the shared group: `plant/#` for `$share/hall/plant/#`."""
    return text.split("/", 2)[2] if text.startswith("$share/") and text.count("/") > 1 else text


def is_shared(text: str) -> bool:
    """Return whether the subscription belongs to a shared group."""
    return text.startswith("$share/")


def has_wildcard(text: str) -> bool:
    """Return whether the filter contains + or #."""
    return any(level in ("+", "#") for level in without_group(text).split("/"))


def overlap(one: str, other: str) -> bool:
    """Return whether two filters have a matching topic in common. Their shared groups are ignored."""
    left, right = without_group(one).split("/"), without_group(other).split("/")
    if left[0].startswith("$") != right[0].startswith("$"):
        # A leading wildcard matches no topic that begins with $ (4.7.2).
        return False
    for a, b in zip(left, right, strict=False):
        if "#" in (a, b):
            return True
        if a != b and "+" not in (a, b):
            return False
    # `a/#` matches `a` too (4.7.1.2).
    longer = max(left, right, key=len)
    return len(left) == len(right) or longer[min(len(left), len(right)) :] == ["#"]


def subscription_identifier(text: str) -> int:
    """Return the identifier of a filter's subscription, which is the same in each run.

    The broker stores the identifier with each message that it queues. If another run used it for another filter, the
    wrong mappings would process the message.
    """
    return zlib.crc32(without_group(text).encode()) % _MAX_IDENTIFIER + 1
