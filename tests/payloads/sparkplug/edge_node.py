"""A live edge node: npm `sparkplug-client` in a process of its own.

with EdgeNode(broker.port, metrics=[...], devices={"press": [...]}) as node:  # has published its births
    node.order("ddata", device="press", metrics=[...])
    node.wait_for("command")
"""

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

ROOT = Path(__file__).parents[3]
MODULES = ROOT / "build" / "node" / "node_modules"
SCRIPT = Path(__file__).with_name("edge_node.js")
INSTALL = "the tests need Node and npm's sparkplug-client: `make test` installs them"


class EdgeNode:
    """`events` are what it said, in order. Leaving kills it, so that the broker publishes its will."""

    def __init__(self, port, *, metrics=(), devices=None, group="plant", node="line", options=None):
        setup = {"url": f"mqtt://127.0.0.1:{port}", "group": group, "node": node, "options": options}
        self._setup = setup | {"metrics": list(metrics), "devices": devices or {}}
        self.events: list[dict] = []
        self._said = threading.Condition()

    def __enter__(self):
        node = shutil.which("node") or shutil.which("nodejs")
        assert node, INSTALL
        assert (MODULES / "sparkplug-client").is_dir(), f"{INSTALL}, into {MODULES}"
        self._process = subprocess.Popen(
            [node, SCRIPT, json.dumps(self._setup)],
            env=os.environ | {"NODE_PATH": str(MODULES)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        self.wait_for("born")
        return self

    def __exit__(self, *_):
        self.kill()

    def order(self, what, **details):
        self._process.stdin.write(json.dumps({"do": what, **details}) + "\n")
        self._process.stdin.flush()

    def wait_for(self, event, count=1, *, timeout_secs=20):
        """The `count` events of this kind that it said, or more."""
        with self._said:
            self._said.wait_for(lambda: len(self._of(event)) >= count or self._ended, timeout_secs)
            found = self._of(event)
        assert len(found) >= count, f"{len(found)} of {count} {event!r} within {timeout_secs} s: {self.events}"
        return found

    def kill(self):
        self._process.kill()
        self._process.wait(20)
        self._reader.join(20)
        self._process.stdin.close()
        self._process.stdout.close()

    @property
    def _ended(self):
        return self._process.poll() is not None

    def _of(self, event):
        return [each for each in self.events if each["event"] == event]

    def _listen(self):
        for line in self._process.stdout:
            with self._said:
                self.events.append(json.loads(line))
                self._said.notify_all()
