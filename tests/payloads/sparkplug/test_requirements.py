"""The table of requirements explains each requirement for the bridge."""

import re
from pathlib import Path

from bridge.payloads.sparkplug.rebirth_requests import RebirthRequests
from bridge.payloads.sparkplug.wire_format import read_payload
from tests.payloads.sparkplug.wire import NOW_MS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "sparkplug.md"
ROWS = [
    [cell.strip() for cell in line.split("|")[1:4]]
    for line in PAGE.read_text().split("## Requirements of a host application")[1].split("## STATE")[0].splitlines()
    if line.startswith("|")
][2:]
ANSWERS = ("fulfilled", "by design not", "not applicable")


def test_requirement_is_fulfilled_excluded_or_not_applicable():
    assert len(ROWS) >= 30
    assert [row[0] for row in ROWS if not row[2].startswith(ANSWERS)] == []


def test_requirements_are_listed_once():
    names = [name for row in ROWS for name in re.findall(r"`([a-z][a-z0-9*-]+)`", row[0])]
    assert len(names) == len(set(names))


def test_rebirth_request_fulfils_the_requirements_of_an_ncmd():
    rebirths = RebirthRequests()
    rebirths.request("g/n", "spBv1.0/g/NCMD/n", NOW_MS)
    (command,) = rebirths.due(NOW_MS)
    payload = read_payload(command.payload)
    (metric,) = payload["metrics"]
    assert command.topic == "spBv1.0/g/NCMD/n"
    assert payload["timestamp"] == NOW_MS
    assert "seq" not in payload
    assert (metric["name"], metric["value"]) == ("Node Control/Rebirth", True)
