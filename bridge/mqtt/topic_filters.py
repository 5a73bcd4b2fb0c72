"""Functions for topic filters: whether two of them overlap, and the subscription identifier of a filter.

https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc3901241 (4.7, Topic Names and Topic Filters)
"""

from __future__ import annotations

import zlib

# Largest Subscription Identifier (MQTT 5, section 3.8.2.1.2). The smallest identifier is 1.
_MAX_IDENTIFIER = 268_435_455


def without_group(text: str) -> str:
    """Return a filter without its shared group, for example `$share/hall/plant/#` → `plant/#`."""
    return text.split("/", 2)[2] if text.startswith("$share/") and text.count("/") > 1 else text


def is_shared(text: str) -> bool:
    """Return whether the filter has a shared group."""
    return text.startswith("$share/")


def has_wildcard(text: str) -> bool:
    """Return whether the filter contains + or #."""
    return any(level in ("+", "#") for level in without_group(text).split("/"))


def overlap(one: str, other: str) -> bool:
    """Return whether there are topics that match both filters. Ignore the shared groups of the filters."""
    left, right = without_group(one).split("/"), without_group(other).split("/")
    if left[0].startswith("$") != right[0].startswith("$"):
        # A wildcard at the beginning of a filter matches no topic that begins with $ (section 4.7.2).
        return False
    for a, b in zip(left, right, strict=False):
        if "#" in (a, b):
            return True
        if a != b and "+" not in (a, b):
            return False
    # `a/#` matches the topic `a` too (section 4.7.1.2).
    longer = max(left, right, key=len)
    return len(left) == len(right) or longer[min(len(left), len(right)) :] == ["#"]


def subscription_identifier(text: str) -> int:
    """Return the subscription identifier for a filter. It is the same in every run of the bridge.

    The broker stores the identifier with each message that it queues. If the next run used the same identifier for
    another filter, the wrong mappings would process the queued messages.
    """
    return zlib.crc32(without_group(text).encode()) % _MAX_IDENTIFIER + 1
