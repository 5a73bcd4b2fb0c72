"""A slow link, simulated in user space: every record arrives once at any rate. The tests check counts, not times."""

import contextlib
import ssl

import pytest

from tests.fakes.arrival_log import ArrivalLog
from tests.fakes.kinesis import KinesisStandIn
from tests.faults.thin_links.capacity import key_of, message
from tests.faults.thin_links.link_run import LinkRun, Phase
from tests.faults.thin_links.proxy import LinkProxy
from tests.harness.certificates import Authority
from tests.harness.publisher import Publisher
from tests.integration.arrivals import eventually, stop_and_balance

pytestmark = pytest.mark.timeout(300)
ARRIVE_SECS = 200
"""Seconds until all records must have arrived. On a busy machine, the link is slower than its rate."""

MAX_DUPLICATES = 0.02
MAX_WASTE = 1.25
"""Maximum number of bytes on the link, as a multiple of the bytes that the payload needs without repeated requests."""


@contextlib.contextmanager
def behind_a_link(folder, rate, *, tls=False):
    """Yield the link, the arrival log of the stream, and the settings for a bridge that sends over the link."""
    authority = Authority(folder / "authority") if tls else None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
    if context:
        context.load_cert_chain(*authority.server())
    with KinesisStandIn({"telemetry": 2}, tls=context) as kinesis, LinkProxy(kinesis.port, rate=rate) as link:
        log = kinesis.streams["telemetry"].arrivals = ArrivalLog()
        settings = {"kinesis": {"endpoint_url": f"{'https' if tls else 'http'}://127.0.0.1:{link.port}"}}
        if authority:
            settings["kinesis"]["ca_file"] = str(authority.ca_file)
        yield link, log, settings


def publish(broker, count, size):
    with Publisher(broker.port) as publisher:
        publisher.publish([(f"thin/{key_of(number)}", message(number, size)) for number in range(count)])


def mapping(packing):
    output = {"data_stream": "telemetry", "packing": packing, "partition_key_from": "captures.machine"}
    return {"thin": {"topic": "thin/{machine}", "outputs": [output]}}


def judge(running, log, link, count, run):
    """Check that all messages arrived, with few duplicates, and that the link carried few additional bytes."""
    eventually(lambda: log.distinct == count, f"all {count} arrive; {log.distinct} have", timeout_secs=ARRIVE_SECS)
    ledger = stop_and_balance(running)
    assert ledger.total("delivered") == ledger.total("received") == count
    assert log.duplicates <= MAX_DUPLICATES * count
    needed = count * run.message_bytes * run.rate / run.carried(Phase())
    print(f"{link.sent_up / needed:.2f} of the needed bytes on the link, {log.duplicates} duplicates")
    assert link.sent_up <= MAX_WASTE * needed


@pytest.mark.parametrize(
    ("run", "count"),
    [
        pytest.param(LinkRun(40_000, packing="kpl"), 2_000, id="kpl, 200 B, plain"),
        pytest.param(LinkRun(40_000, packing="none", message_bytes=1_000, tls=True), 400, id="none, 1,000 B, TLS"),
    ],
)
def test_backlog_larger_than_a_timeout_carries_arrives_once(mosquitto, bridge, tmp_path, run, count):
    with behind_a_link(tmp_path, run.rate, tls=run.tls) as (link, log, settings):
        running = bridge(mapping(run.packing), **settings)
        publish(mosquitto, count, run.message_bytes)
        judge(running, log, link, count, run)


def test_backlog_arrives_once_over_a_link_of_changing_speed(mosquitto, bridge, tmp_path):
    run, count = LinkRun(100_000, packing="lines", message_bytes=1_000), 600
    with behind_a_link(tmp_path, run.rate) as (link, log, settings):
        running = bridge(mapping(run.packing), **settings)
        publish(mosquitto, count, run.message_bytes)
        for reached, rate in ((250_000, run.rate / 10), (350_000, run.rate)):
            eventually(
                lambda reached=reached: link.sent_up >= reached, f"{reached} bytes sent", timeout_secs=ARRIVE_SECS
            )
            link.rate = rate
        judge(running, log, link, count, run)


def test_stop_ends_requests_on_a_dead_link_before_its_deadline(mosquitto, bridge, tmp_path):
    """The bridge ends with exit code 0. It sends the unfinished records again after the restart, without duplicates.

    The dead link still carries one segment every four seconds.
    """
    rate, dead_rate, batch, size = 40_000, 400, 10, 20_000
    with behind_a_link(tmp_path, rate) as (link, log, settings):
        running = bridge(mapping("none"), stop_secs=60, **settings)
        publish(mosquitto, batch, size)
        eventually(lambda: log.distinct == batch, "the first messages", timeout_secs=ARRIVE_SECS)
        link.rate, before = dead_rate, link.sent_up
        with Publisher(mosquitto.port) as publisher:
            publisher.publish([(f"thin/{key_of(n)}", message(n, size)) for n in range(batch, 2 * batch)])
        eventually(lambda: link.sent_up > before, "a request on the dead link")
        assert running.stop(timeout_secs=90) == 0, running.stderr()
        link.rate = rate
        running.start()
        eventually(lambda: log.distinct == 2 * batch, "the other messages", timeout_secs=ARRIVE_SECS)
        stop_and_balance(running)
        assert log.duplicates == 0
