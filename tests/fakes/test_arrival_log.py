import socket

import pytest

from tests.fakes.arrival_log import ArrivalLog
from tests.fakes.kinesis import KinesisStandIn
from tests.fakes.stream_queue import records
from tests.faults.thin_links.capacity import body_of, numbered
from tests.integration.arrivals import eventually
from tests.kinesis.conftest import publisher_for


def test_log_counts_messages_duplicates_and_their_bytes_and_times():
    now = [5.0]
    log = ArrivalLog(clock=lambda: now[0])
    log.add(b'{"n":2}')
    now[0] = 6.0
    log.add(b'{"n":2}\n{"n":0}\n')
    assert (log.messages, log.distinct, log.duplicates, log.distinct_bytes) == (3, 2, 1, 14)
    assert [log.arrived_at(number) for number in range(4)] == [6.0, None, 5.0, None]


def test_bytes_of_a_request_are_spread_over_its_time():
    log = ArrivalLog()
    log.begin_request(10.0, 20.0)
    log.add(b'{"n":0}')
    log.add(b'{"n":1,"a":[]}')
    log.begin_request(30.0, 30.0)
    log.add(b'{"n":0}\n{"n":2}')
    assert log.bytes_between(0.0, 10.0) == 0.0
    assert log.bytes_between(5.0, 15.0) == pytest.approx(10.5)
    assert log.bytes_between(0.0, 25.0) == pytest.approx(21.0)
    assert log.bytes_between(25.0, 35.0) == pytest.approx(7.0)


def test_logged_stream_stores_no_record():
    with KinesisStandIn({"s": 1}) as kinesis:
        log = kinesis.streams["s"].arrivals = ArrivalLog()
        publisher = publisher_for(kinesis.url)
        assert len(publisher.put_records("s", records(3, data=b'{"n":1}'))) == 3
        assert (log.messages, log.distinct) == (3, 1)
        assert kinesis.take([kinesis.streams["s"]]) == [[]]


def test_refused_records_are_not_logged():
    with KinesisStandIn({"s": 1}) as kinesis:
        log = kinesis.streams["s"].arrivals = ArrivalLog()
        kinesis.fail_records("s", records=2)
        publisher_for(kinesis.url).put_records("s", records(3, data=b'{"n":1}'))
        assert log.messages == 1


def test_request_that_ends_early_is_counted_and_not_logged():
    body = body_of("s", "kpl", numbered(0, 10, 200))
    head = b"POST / HTTP/1.1\r\nX-Amz-Target: Kinesis_20131202.PutRecords\r\nContent-Length: %d\r\n\r\n" % len(body)
    with KinesisStandIn({"s": 1}) as kinesis:
        log = kinesis.streams["s"].arrivals = ArrivalLog()
        with socket.create_connection(("127.0.0.1", kinesis.port)) as client:
            client.sendall(head + body[:-1])
        eventually(lambda: kinesis.cut_short == 1, "the request is counted as cut short")
        with socket.create_connection(("127.0.0.1", kinesis.port)) as client:
            client.sendall(head + body)
            assert client.recv(12) == b"HTTP/1.1 200"
        assert (kinesis.cut_short, log.messages) == (1, 10)


def test_answer_to_a_closed_connection_is_counted():
    body = body_of("s", "none", numbered(0, 1, 200))
    head = b"POST / HTTP/1.1\r\nX-Amz-Target: Kinesis_20131202.PutRecords\r\nContent-Length: %d\r\n\r\n" % len(body)
    with KinesisStandIn({"s": 1}, latency_secs=0.3) as kinesis:
        log = kinesis.streams["s"].arrivals = ArrivalLog()
        with socket.create_connection(("127.0.0.1", kinesis.port)) as client:
            client.sendall(head + body)
            eventually(lambda: kinesis.streams["s"].in_flight == 1, "the request has arrived")
        eventually(lambda: kinesis.unread == 1, "the response could not be sent")
        assert log.messages == 1
