import threading

from bridge.aws.transport.measurement import RequestRecording
from tests.aws.transport.scripted_server import ScriptedServer, respond_always
from tests.aws.transport.sending import post, prepared, session_with


def test_measurement_of_a_request_has_its_size_and_times():
    heads = []

    def script(connection):
        heads.append(connection.read_request())
        connection.respond()

    with ScriptedServer(script) as server:
        session = session_with()
        _, measurement = post(session, server.url, 5000)
        session.close()
    assert measurement.request_bytes == len(heads[0]) + len("\r\n\r\n") + 5000
    assert measurement.drained_bytes == measurement.request_bytes
    assert measurement.started_at < measurement.answered_at


def test_measurement_of_a_thread_is_that_of_its_own_request():
    with ScriptedServer(respond_always) as server:
        session = session_with(max_pool_connections=8)
        wrong = []

        def send(size):
            for _ in range(30):
                _, measurement = post(session, server.url, size)
                if not size < measurement.request_bytes < size + 1000:
                    wrong.append((size, measurement))

        threads = [threading.Thread(target=send, args=(size,)) for size in range(10_000, 90_000, 10_000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        session.close()
    assert wrong == []


def test_recording_belongs_to_its_block():
    with ScriptedServer(respond_always) as server:
        session = session_with()
        with RequestRecording() as outer:
            session.send(prepared(server.url, 1000))
            with RequestRecording() as inner:
                session.send(prepared(server.url, 2000))
        session.send(prepared(server.url, 3000))
        session.close()
    assert 1000 < outer.measurement.request_bytes < 2000
    assert 2000 < inner.measurement.request_bytes < 3000


def test_recording_without_a_request_is_empty():
    with RequestRecording() as recording:
        pass
    assert recording.measurement is None
