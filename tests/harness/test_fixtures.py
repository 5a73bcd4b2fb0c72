import http.client
import json
import sys

import yaml

SUBSCRIBED = """
import json, sys, time
print(json.dumps({"event": "subscribed"}), file=sys.stderr, flush=True)
time.sleep(60)
"""


def test_proxy_stands_before_the_kinesis_stand_in(kinesis, proxy):
    front = proxy(kinesis.port)
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=10)
    connection.request("GET", "/counters")
    assert json.loads(connection.getresponse().read())["telemetry"]["records"] == 0
    connection.close()
    assert front.accepted == 1


def test_bridge_is_configured_between_broker_and_kinesis(bridge, mosquitto, kinesis):
    process = bridge(
        {"press": "topic: plant/#"}, mqtt={"protocol": "3.1.1"}, wrapper=(sys.executable, "-c", SUBSCRIBED)
    )
    document = yaml.safe_load((process.folder / "bridge.yaml").read_text())
    assert process.running
    assert document["mqtt"]["url"] == f"mqtt://127.0.0.1:{mosquitto.port}"
    assert document["mqtt"]["protocol"] == "3.1.1"
    assert document["kinesis"]["endpoint_url"] == kinesis.url
