"""The dashboard and the alert rules use existing metrics and labels."""

import json
import re

import pytest
import yaml

from bridge.monitoring.metric_definitions import METRICS
from bridge.monitoring.prometheus import PREFIX
from tests.harness.bridge_process import ROOT

DASHBOARD = json.loads((ROOT / "docker" / "grafana" / "mqtt-kinesis.json").read_text())
ALERTS_FILE = ROOT / "docker" / "prometheus" / "alerts.yaml"
ALERTS = yaml.safe_load(ALERTS_FILE.read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in RULES]
OF_PROMETHEUS = {"job", "instance", "le"}
LABELS = {PREFIX + metric.name: set(metric.labels) for metric in METRICS}
LABELS |= {
    PREFIX + m.name + suffix: set(m.labels) for m in METRICS if m.kind == "histogram" for suffix in ("_bucket", "_sum")
}


def used(query):
    """Yield each metric of a query, with the labels that the query uses."""
    for name, selector in re.findall(rf"({PREFIX}\w+)(?:\{{([^}}]*)\}})?", query):
        yield name, set(re.findall(r"(\w+)\s*=~?", selector)) - OF_PROMETHEUS


@pytest.mark.parametrize("query", QUERIES)
def test_queries_use_only_existing_metrics_and_labels(query):
    asked = list(used(query))
    assert asked or "up{" in query or "process_" in query
    for name, labels in asked:
        assert name in LABELS, f"{name} is no metric"
        assert labels <= LABELS[name], name
    grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(",")}
    assert grouped - OF_PROMETHEUS <= set.union(set(), *(LABELS[name] for name, _ in asked))
    assert query.count("(") == query.count(")")


def test_alerts_have_a_meaning_and_a_remedy():
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        assert len(rule["annotations"]["description"]) > 40
        labels = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"]))) - OF_PROMETHEUS
        assert labels <= set.union(set(), *(LABELS[name] for name, _ in used(rule["expr"]))), rule["alert"]


def test_panels_lie_side_by_side_and_have_numbers_of_their_own():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    places = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not places & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        places |= cells
