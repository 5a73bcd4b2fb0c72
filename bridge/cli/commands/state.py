"""Commands `state list`, `show` and `clear`: show and clear the state of mappings, even while the bridge runs."""

from __future__ import annotations

import os
import sys
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from bridge.cli.commands.spool_selection import select_spools
from bridge.cli.output.formatting import pluralize
from bridge.cli.output.json_document import print_document
from bridge.config import load_local_settings, load_settings
from bridge.errors import SpoolInUse, UsageError
from bridge.mapping.rendering import printable
from bridge.runtime.control_channel import request
from bridge.runtime.exit_codes import FAILED
from bridge.runtime.offline_replay import clear_state_offline
from bridge.spool.mapping_state import ROW_BYTES
from bridge.spool.read_only import read_states
from bridge.terminal import GOOD, HEAD, WARN, print_coloured

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_SECS = 70.0
"""Time limit for the response of the bridge. The bridge itself has a limit of 60 s, and then responds with an error."""
# Maximum number of characters of a value that `show` prints. A Sparkplug birth can have thousands of characters.
_SHOWN_CHARS = 200


def list_states(config: Path, worker: int | None, *, as_json: bool) -> int:
    """Print the number of keys and bytes in the state of each mapping. Return 0. Raise ConfigError, BridgeError."""
    keys, sizes = Counter[str](), Counter[str]()
    for folder in select_spools(load_local_settings(config, os.environ).spool.path, worker).values():
        for mapping, key, value in read_states(folder):
            keys[mapping] += 1
            # The size limit of a state is checked with the same formula, so users can compare this sum with the limit.
            sizes[mapping] += len(key) + len(value) + ROW_BYTES
    if as_json:
        rows = [{"mapping": name, "keys": keys[name], "bytes": sizes[name]} for name in sorted(keys)]
        print_document(states=rows)
        return 0
    if not keys:
        print_coloured("no mapping has a state", {"^.*$": WARN})
        return 0
    width = max(map(len, [*keys, "mapping"]))
    lines = [f"{name:<{width}}{keys[name]:>12,}{sizes[name]:>16,}" for name in sorted(keys)]
    print_coloured("\n".join([f"{'mapping':<{width}}{'keys':>12}{'bytes':>16}", *lines]), {"^mapping .*$": HEAD})
    return 0


def show_state(config: Path, mapping: str, limit: int, worker: int | None) -> int:
    """Print at most `limit` keys and values of a mapping's state, newest first.

    Return 0, or 1 if the mapping has no state. Raise ConfigError, BridgeError.
    """
    shown = 0
    for folder in select_spools(load_local_settings(config, os.environ).spool.path, worker).values():
        # The limit applies to the rows of all spools together.
        for _, key, value in islice(read_states(folder, mapping), limit - shown):
            text = value.decode(errors="replace")
            cut = f"{text[:_SHOWN_CHARS]}… ({len(value):,} bytes)" if len(text) > _SHOWN_CHARS else text
            print_coloured(f"{printable(key)}\t{printable(cut)}", {r"^[^\t]+": HEAD})
            shown += 1
    if not shown:
        print_coloured(f"mapping '{mapping}' has no state", {"^.*$": WARN})
        return FAILED
    return 0


def clear_state(config: Path, mapping: str, worker: int | None, *, yes: bool) -> int:
    """Clear the state of a mapping, after a prompt. Records that `sample` has stored are moved to the spool.

    Return 0, or 1 if the mapping had no state or the answer was no. Raise ConfigError, BridgeError.
    """
    settings = load_settings(config, os.environ)
    folders = select_spools(settings.spool.path, worker).values()
    if not yes and not _confirmed(mapping):
        print_coloured("nothing was cleared", {"^.*$": WARN})
        return FAILED
    cleared = 0
    for folder in folders:
        spool = settings.spool.model_copy(update={"path": folder})
        # If this process gets the lock of the spool, it does the work. Otherwise, a bridge is running, and the bridge
        # does the work. Do not check for a running bridge first, because a bridge might start after the check.
        try:
            cleared += clear_state_offline(settings.model_copy(update={"spool": spool}), mapping)
        except SpoolInUse:
            cleared += request(folder, "clear_state", PATIENCE_SECS, mapping=mapping)["keys"]
    print_coloured(f"cleared {pluralize(cleared, 'key')} of mapping '{mapping}'", {r"^cleared .* keys?": GOOD})
    return 0 if cleared else FAILED


def _confirmed(mapping: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("refusing to clear without --yes (stdin is not a terminal)")
    return input(f"clear the state of mapping '{mapping}'? [y/N] ").strip().lower() in {"y", "yes"}
