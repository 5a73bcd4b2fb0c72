"""Examples for --help, by command. A test parses every example, so that no example becomes outdated."""

from __future__ import annotations

from typing import Final

EXAMPLES: Final = {
    "run": ("run --config /etc/mqtt-kinesis/bridge.yaml", "run --dry-run"),
    "init": ("init", "init --yes --url mqtts://broker.plant.local --username bridge"),
    "check": ("check", "check --config plant/bridge.yaml"),
    "try": ("try -t factory/pdx/line3/press07/telemetry -p '{\"t\": 21.5}'", "try --dead-letter 7"),
    "schema": ("schema mapping -o mapping.schema.json",),
    "functions": ("functions", "functions concat"),
    "capture": ("capture field.jsonl --secs 60", "capture all.jsonl -t '#' --messages 1000"),
    "diff": ("diff mappings/ new-mappings/ --capture field.jsonl",),
    "coverage": ("coverage", "coverage --capture field.jsonl --json"),
    "status": ("status", "status --watch", "status --json"),
    "doctor": ("doctor", "doctor --send --publish", "doctor --json"),
    "support-bundle": ("support-bundle", "support-bundle -o ticket.tar.gz --no-doctor --log bridge.log"),
    "prove": ("prove factory-telemetry --manifests factory-manifests",),
    "policy": ("policy", "policy --offline --account 123456789012"),
    "demo": ("demo", "demo --secs 20"),
    "dead-letters list": ("dead-letters list --code decode", "dead-letters list --mapping press --json"),
    "dead-letters show": ("dead-letters show 7",),
    "dead-letters replay": ("dead-letters replay 7 8", "dead-letters replay --code transform"),
    "dead-letters delete": ("dead-letters delete 7", "dead-letters delete --mapping press --yes"),
    "dead-letters export": ("dead-letters export letters.csv --csv",),
    "spool export": ("spool export records.jsonl --stream factory-telemetry",),
    "spool status": ("spool status --json",),
    "spool verify": ("spool verify",),
    "state list": ("state list", "state list --json"),
    "state show": ("state show press --limit 10",),
    "state clear": ("state clear press --yes",),
}


def epilog(command: str) -> str | None:
    """Return the examples of a command for --help, or None if the command has no examples."""
    examples = EXAMPLES.get(command)
    if examples is None:
        return None
    # If the first line of a paragraph is a backspace, Click keeps the line breaks of the paragraph.
    return "\b\n" + "\n".join(["Examples:", *(f"  mqtt-kinesis {each}" for each in examples)])
