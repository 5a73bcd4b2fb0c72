"""Observations of `init`, and its proposals as checked by the real check."""

import contextlib
import io
import json
import tempfile
from pathlib import Path

from bridge.cli.commands.check import check_all
from bridge.mapping.loading.mapping_loader import load_folder
from bridge.mapping.proposals.proposals import ObservedMessages, propose
from bridge.mapping.router import Router
from bridge.model import Message
from bridge.tools.scaffold.bridge_file import bridge_text

ANSWERS = {"mqtt.url": "mqtt://127.0.0.1:1", "mqtt.client_id": "x", "kinesis.region": "us-east-1"}
NOW_MS = 1_700_000_000_123


def observed(*messages):
    seen = ObservedMessages()
    for topic, payload in messages:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        seen.add(Message(topic, raw, 1, False, NOW_MS, {}))
    return seen


def checked(seen):
    """The proposals as files that the real check has passed; gives (proposals, what is left, routes)."""
    found, left = propose(seen, "telemetry")
    if not found:
        return found, left, Router([])
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "mappings").mkdir()
        (folder / "bridge.yaml").write_text(bridge_text(ANSWERS), encoding="utf-8")
        for each in found:
            (folder / "mappings" / f"{each.name}.yaml").write_text(each.text, encoding="utf-8")
        told = io.StringIO()
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            code = check_all(folder / "bridge.yaml")
        assert code == 0, told.getvalue() + "\n".join(each.text for each in found)
        assert f"{len(found)} test" in told.getvalue()
        loaded = load_folder(folder / "mappings", {})
    return found, left, Router(loaded.mappings.values())
