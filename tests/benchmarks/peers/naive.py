"""Simple peer, as a developer would write it in an afternoon: a callback, a queue, and a sending thread."""

import json
import logging
import os
import queue
import threading
import time

import boto3
import paho.mqtt.client as mqtt

log = logging.getLogger(__name__)
records: queue.Queue = queue.Queue()
kinesis = boto3.client(
    "kinesis", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{os.environ['KINESIS_PORT']}"
)


def on_connect(client, userdata, flags, reason, properties):
    client.subscribe("factory/+/+/+/telemetry", qos=1)


def on_message(client, userdata, message):
    body = json.loads(message.payload)
    machine = message.topic.split("/")[3]
    shaped = {"machine": machine, "temp_c": body["temperature"], **{key: body["tags"][key] for key in ("site", "line")}}
    shaped |= {"count": body["count"], "vib": max(body["vib"]), "ts": body["ts"]}
    records.put({"Data": json.dumps(shaped).encode(), "PartitionKey": machine})


def send():
    while True:
        batch = [records.get()]
        while len(batch) < 500 and not records.empty():
            batch.append(records.get())
        while batch:
            try:
                answer = kinesis.put_records(StreamName="factory-telemetry", Records=batch)
                batch = [r for r, result in zip(batch, answer["Records"], strict=True) if "ErrorCode" in result]
            except Exception:
                log.exception("not sent, once more in a second")
                time.sleep(1)


threading.Thread(target=send, daemon=True).start()
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="peer", clean_session=False)
client.on_connect, client.on_message = on_connect, on_message
client.connect("127.0.0.1", int(os.environ["BROKER_PORT"]))
client.loop_forever()
