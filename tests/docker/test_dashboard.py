"""A real Prometheus evaluates each query of the dashboard and each alert rule with the metrics of a real bridge."""

import json
import time

import pytest

from tests.docker.test_observing import ALERTS_FILE, DASHBOARD, PANELS
from tests.fakes.kinesis import KinesisStandIn
from tests.harness.bridge_process import write_configuration
from tests.harness.mosquitto import Mosquitto
from tests.harness.network import free_port
from tests.harness.prometheus import SCRAPE_SECS, Prometheus
from tests.harness.publisher import Publisher
from tests.harness.telemetry import telemetry
from tests.harness.workers import Workers
from tests.integration.arrivals import TELEMETRY, eventually

VARIABLES = {"$job": ".*", "$instance": ".*", "$__rate_interval": f"{10 * SCRAPE_SECS}s"}
QUERIES = {
    query: panel["title"]
    for panel in PANELS
    for target in panel["targets"]
    for query in [target["expr"]]
}  # fmt: skip
NEVER_HERE = {"Credentials expire in"}
"""Panels without data: the access key of this bridge does not expire."""
PRESS = {**TELEMETRY, "where": "payload.count >= `0`"}
BAD = ("factory/pdx/line1/press01/telemetry", b"{")
FILTERED = ("factory/pdx/line1/press01/telemetry", b'{"count": -1, "machine": "press01"}')


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A Prometheus that scrapes a bridge with two workers, and a publisher."""
    folder, page = tmp_path_factory.mktemp("bridge"), free_port()
    with Mosquitto() as broker, KinesisStandIn({"telemetry": 2}) as kinesis:
        write_configuration(
            folder,
            mqtt={"url": f"mqtt://127.0.0.1:{broker.port}"},
            kinesis={"endpoint_url": kinesis.url},
            mappings={"press": PRESS},
            http={"listen": f"127.0.0.1:{page}"},
        )
        with (
            Workers(folder, 2),
            Publisher(broker.port) as publisher,
            Prometheus(folder / "prometheus", page, ALERTS_FILE) as prometheus,
        ):
            eventually(lambda: prometheus.values("mqtt_kinesis_info"), "the first scrape")
            yield prometheus, publisher


def asked(query):
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def test_dashboard_queries_all_return_numbers(watched):
    prometheus, publisher = watched
    open_queries = {query for query, title in QUERIES.items() if title not in NEVER_HERE}

    def all_answered():
        publisher.publish([*telemetry(20), BAD, FILTERED], 1)
        time.sleep(SCRAPE_SECS / 4)  # a rate needs traffic in several scrapes
        open_queries.difference_update([query for query in open_queries if prometheus.values(asked(query))])
        return not open_queries

    try:
        eventually(all_answered, "numbers for each query", timeout_secs=60)
    except AssertionError:
        raise AssertionError({QUERIES[query]: query for query in open_queries}) from None
    for query, title in QUERIES.items():
        if title in NEVER_HERE:
            assert prometheus.values(asked(query)) == []


def test_choices_of_job_and_instance_are_there(watched):
    prometheus, _ = watched
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            assert "mqtt_kinesis_info" in variable["query"]["query"]
            assert prometheus.ask(f"label/{variable['name']}/values", **{"match[]": "mqtt_kinesis_info"})


def test_end_to_end_histogram_counts_every_delivered_record(watched):
    prometheus, publisher = watched
    publisher.publish(telemetry(50), 1)

    def equal():
        counts = [
            prometheus.values(f"sum(mqtt_kinesis_{name})")
            for name in (
                "receive_to_delivered_seconds_count",
                "spool_to_delivered_seconds_count",
                "stream_delivered_total",
                "worker_records_delivered_total",
            )
        ]
        return counts[0] and counts[0][0] >= 50 and all(each == counts[0] for each in counts)

    eventually(equal, "every delivered record was timed once")


def test_rules_are_evaluated_and_a_rejected_message_is_an_alert(watched):
    prometheus, publisher = watched
    publisher.publish([BAD], 1)

    def firing():
        alerts = prometheus.ask("alerts")["alerts"]
        return {each["labels"]["alertname"]: each["annotations"] for each in alerts if each["state"] == "firing"}

    def rejected():
        publisher.publish([BAD], 1)  # Prometheus counts no increase for the first value of a series
        return "MqttKinesisDeadLetters" in firing()

    eventually(rejected, "the alert", every_secs=0.5)
    told = firing()
    assert told.keys() == {"MqttKinesisDeadLetters"}, json.dumps(told)
    assert told["MqttKinesisDeadLetters"]["summary"] in {"press rejects messages", "Messages are rejected: decode"}
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert {(rule["health"], rule.get("lastError", "")) for rule in rules} == {("ok", "")}
