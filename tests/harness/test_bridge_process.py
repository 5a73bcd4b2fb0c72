import sys
import time

import pytest
import yaml

from tests.harness.bridge_process import BridgeProcess, write_configuration, write_mapping

SUBSCRIBED = """
import json, signal, sys, time
print(json.dumps({"event": "subscribed", "arguments": sys.argv[1:]}), file=sys.stderr, flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
while True:
    time.sleep(0.01)
"""


def in_its_place(folder, script):
    """Return a BridgeProcess that runs a script instead of the bridge. The script gets the bridge's command line."""
    return BridgeProcess(folder, wrapper=(sys.executable, "-c", script))


@pytest.fixture
def process(tmp_path):
    with in_its_place(tmp_path, SUBSCRIBED) as process:
        yield process


def test_bridge_process_uses_the_configuration_of_its_folder(process, tmp_path):
    arguments = process.wait_for("subscribed")["arguments"]
    assert arguments[1:] == ["-m", "bridge", "run", "--config", f"{tmp_path}/bridge.yaml"]


def test_sigterm_gives_the_exit_code(process):
    assert process.stop() == 7
    assert not process.running


def test_sigkill_ends_it(process):
    assert process.kill() == -9


def test_bridge_process_restarted_keeps_the_log_of_both_runs(process):
    assert process.restart() == 7
    assert process.running
    assert len(process.log()) == 2
    assert len(process.log(since_start=True)) == 1


def test_peer_that_ends_before_subscribing_fails_with_its_output(tmp_path):
    ending = in_its_place(tmp_path, "import sys; print('no such broker', file=sys.stderr); sys.exit(2)")
    with pytest.raises(AssertionError, match=r"(?s)ended with 2 .*no such broker"), ending:
        pass


def test_bridge_process_is_stopped_at_the_end_of_the_block(tmp_path):
    with in_its_place(tmp_path, SUBSCRIBED) as process:
        assert process.running
    assert not process.running


def test_process_cpu_time_and_memory_are_read(tmp_path):
    burning = SUBSCRIBED.replace("while True:", "while time.process_time() < 0.2:\n    pass\nwhile True:")
    with in_its_place(tmp_path, burning) as process:
        deadline = time.monotonic() + 10
        while process.cpu_secs < 0.2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert 0.2 <= process.cpu_secs < 1
        assert 2_000_000 < process.rss_bytes <= process.max_rss_bytes < 100_000_000


def test_configuration_reports_what_it_was_notified_and_nothing_twice(tmp_path):
    mapping = {"topic": "plant/#", "outputs": [{"data_stream": "a"}]}
    write_configuration(
        tmp_path,
        mqtt={"url": "mqtt://127.0.0.1:1"},
        kinesis={"endpoint_url": "http://127.0.0.1:2"},
        mappings={"press": mapping},
        spool={"max_bytes": "1 MiB"},
    )
    document = yaml.safe_load((tmp_path / "bridge.yaml").read_text())
    assert document["mqtt"] == {"client_id": "bridge", "url": "mqtt://127.0.0.1:1"}
    assert document["spool"] == {"path": "data/", "min_free_bytes": 0, "max_bytes": "1 MiB"}
    assert yaml.safe_load((tmp_path / "mappings" / "press.yaml").read_text()) == mapping


def test_mapping_is_replaced_in_one_step(tmp_path):
    write_configuration(tmp_path, mqtt={}, kinesis={}, mappings={"press": "topic: a"})
    write_mapping(tmp_path, "press", "topic: b")
    assert [file.name for file in (tmp_path / "mappings").iterdir()] == ["press.yaml"]
    assert (tmp_path / "mappings" / "press.yaml").read_text() == "topic: b"


def test_process_of_another_module_gets_its_arguments_before_run(tmp_path):
    write_configuration(tmp_path, mqtt={"url": "mqtt://127.0.0.1:1"}, kinesis={}, mappings={})
    with BridgeProcess(tmp_path, entry=("json.tool", "--nothing"), await_subscribed=False) as process:
        assert process.wait() == 2
    assert "json.tool" in process.stderr()
    assert "run" in process.stderr()
