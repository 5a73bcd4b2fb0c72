"""Text at the start of the demo: the running parts, and what the user can try."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING, Final

from bridge.tools.demo.broker import HOST
from bridge.web.server import open_listener

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.tools.demo.broker import Broker
    from bridge.web.connections import PageListener

_FIRST_PORT: Final = 8080
_PORTS: Final = 20


def page_listener() -> PageListener:
    """Return the listening socket of the page, on the first free port from 8080 to 8099.

    If none of these ports is free, use any free port.
    """
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        with contextlib.suppress(OSError):
            return open_listener(HOST, port)
    return open_listener(HOST, 0)


def instructions(folder: Path, broker: Broker, *, keyboard: bool) -> str:
    """Return the instructions. If `keyboard` is true, the demo reads keys, and the instructions explain them."""
    mapping, config = folder / "mappings" / "press-telemetry.yaml", folder / "bridge.yaml"
    publish = f"mosquitto_pub -p {broker.port} -t factory/pdx/line1/press101/count -m 'not a number'"
    rows = {"edit a mapping": f"in the page, or in {mapping}; a saved change is active within two seconds"}
    if keyboard:
        rows["cut Kinesis"] = "press k, and k again to connect it: records are buffered on disk, then delivered"
        rows["publish a bad message"] = "press b: it becomes a dead letter, with its reason"
    else:
        rows["publish a bad message"] = f"{publish}; it becomes a dead letter, with its reason"
    rows["see the status"] = f"mqtt-kinesis status --watch --config {shlex.quote(str(config))}"
    rows["end the demo"] = ("press q or Ctrl-C" if keyboard else "Ctrl-C") + "; it then checks that nothing was lost"
    steps = "\n".join(f"  {label:<24}{text}" for label, text in rows.items())
    return f"running: simulated factory -> {broker.name} -> bridge -> local Kinesis. What to try:\n{steps}"
