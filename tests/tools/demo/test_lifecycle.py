import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

from bridge.tools.demo import lifecycle
from tests.tools.demo.outputs import counts

COMMAND = [sys.executable, "-m", "bridge", "demo"]


def test_demo_ends_balanced_with_any_proxy_or_profile():
    surroundings = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "AWS_PROFILE": "no-such"}
    environment = os.environ | surroundings | {"AWS_CA_BUNDLE": "/no/such/file", "NO_PROXY": "", "no_proxy": ""}
    command = [*COMMAND, "--secs", "8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    published, received, delivered, read_back = counts(done.stdout)
    assert published == received > 100
    assert delivered == read_back > 100
    assert "FAILED" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("OK  no message was lost")
    assert "\x1b" not in done.stdout + done.stderr
    assert re.search(r"^[1-9]\d* dead letters?", done.stdout, re.MULTILINE)


def test_ctrl_c_ends_it_cleanly_with_the_same_summary():
    with running_demo(stderr=subprocess.PIPE) as child:
        lines = []
        while not any(re.match(r" +[1-9][0-9]* s ", each) for each in lines):
            lines.append(child.stdout.readline())
            assert child.poll() is None, lines
        check_page(*re.search(r"(http://\S+/)#token=(demo-\S+)", lines[0]).groups())
        os.kill(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=60)
        assert child.returncode == 0, out + err
    assert "✓ accounting: received = " in out


@contextlib.contextmanager
def running_demo(**options):
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True, **options) as child:
        try:
            yield child
        finally:
            child.kill()  # one that a failed test left would fail later tests


def check_page(url, token):
    """Check that the token of the demo allows to edit its mappings, and that the page shows its options."""

    def get(name):
        request = urllib.request.Request(f"{url}api/{name}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    assert get("session")["role"] == "edit"
    assert get("mapping-files")["editable"]
    options = {each["name"]: each["value"] for each in get("configuration")["options"]}
    assert options["mqtt.client_id"] == "demo"


def test_second_ctrl_c_ends_it_at_once_and_leaves_nothing_behind(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    silent = subprocess.DEVNULL
    with running_demo(stderr=silent, env=environment) as child:
        while not re.match(r" +[1-9][0-9]* s ", child.stdout.readline()):
            assert child.poll() is None
        os.kill(child.pid, signal.SIGINT)
        time.sleep(0.2)  # two signals at one instant are one signal
        os.kill(child.pid, signal.SIGINT)
        started = time.monotonic()
        child.stdout.read()
        assert child.wait(10) == 130
        assert time.monotonic() - started < 30
    assert list(tmp_path.iterdir()) == []
    assert processes_about(tmp_path) == []


def processes_about(folder):
    time.sleep(0.2)  # a process that was killed is there until it has been reaped
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [each for each in found if str(folder) in each]


def test_demo_without_mosquitto_uses_the_embedded_broker(monkeypatch):
    monkeypatch.setattr(lifecycle, "find_mosquitto", lambda: None)
    out = []
    assert lifecycle.run_demo(2, out.append) == 0, out
    published, received, delivered, read_back = counts("\n".join(out))
    assert published == received > 50
    assert delivered == read_back
