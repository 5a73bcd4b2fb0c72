"""The worker process: its limits, and its responses to requests."""

import signal
import subprocess
import sys

import orjson

from bridge.web import playground_worker
from bridge.web.playground import _TOO_SLOW
from bridge.web.playground_worker import JOBS, result_of


def test_worker_writes_no_file(tmp_path):
    """Its limit of a file's size is 0, so that even a defect could not fill the disk."""
    code = "import os; from bridge.web.playground_worker import limit; limit(); os.write(os.open('file', 65), b'x')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "File too large" in done.stderr


def test_memory_of_the_worker_is_limited(tmp_path):
    code = """
import resource
from bridge.web.playground_worker import MEMORY_BYTES, limit
limit()
assert resource.getrlimit(resource.RLIMIT_AS) == (MEMORY_BYTES, MEMORY_BYTES)
bytearray(MEMORY_BYTES // 4)
print("within")
bytearray(MEMORY_BYTES)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr.splitlines()[-1]) == ("within\n", "MemoryError")


def served(*requests):
    """Return the lines of JSON that the worker process writes for some requests."""
    data = b"".join(orjson.dumps(each) + b"\n" for each in requests)
    worker = [sys.executable, "-m", "bridge.web.playground_worker"]
    done = subprocess.run(worker, input=data, capture_output=True, check=False)
    return done.returncode, [orjson.loads(line) for line in done.stdout.splitlines()]


def test_worker_responds_to_each_request_after_its_tables_are_loaded(tmp_path):
    texts = {"old": "a", "new": "b", "old_name": "x", "new_name": "y", "folder": str(tmp_path)}
    mapping = {"folder": str(tmp_path), "file": "x.yaml", "text": "", "shared": False}
    code, [ready, *responses] = served({"job": "diff", **texts}, {"job": "check", **mapping})
    assert (code, ready, responses[0], responses[2]) == (0, {}, {}, {})
    assert "-a\n+b" in responses[1]["differences"]
    assert responses[3]["problems"]


def test_result_of_a_job_that_fails_is_its_reason():
    asked = {"job": "propose", "topic": "a", "messages": [], "stream": "s", "taken": []}
    assert "no message of this topic" in result_of(asked)["error"]


def test_worker_ends_a_job_that_uses_too_much_cpu(monkeypatch):
    timers = []
    monkeypatch.setattr(playground_worker, "limit", lambda: None)
    monkeypatch.setattr(playground_worker, "write", timers.append)
    monkeypatch.setattr(playground_worker, "result_of", lambda _: {"done": 1})
    monkeypatch.setattr(signal, "setitimer", lambda which, secs: timers.append((which, secs)))
    monkeypatch.setattr(sys, "stdin", type("", (), {"buffer": [b'{"job": "diff"}\n']}))
    playground_worker.main()
    limits = [(signal.ITIMER_PROF, secs) for secs in (playground_worker.LOAD_CPU_SECS, playground_worker.CPU_SECS, 0)]
    assert timers == [{}, limits[0], {}, limits[1], {"done": 1}, limits[2]]


def test_jobs_have_a_text_for_a_time_out():
    assert JOBS.keys() == _TOO_SLOW.keys()
