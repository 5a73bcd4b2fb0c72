import json
import stat
import threading

import pytest

from bridge import asking
from bridge.asking import answer_requests, ask
from bridge.errors import BridgeError


@pytest.fixture
def answering(tmp_path):
    stopping = threading.Event()
    thread = threading.Thread(target=answer_requests, args=(tmp_path, lambda: b'{"status": 1}', stopping))
    thread.start()
    yield tmp_path
    stopping.set()
    thread.join()


def test_a_request_is_answered_and_removed(answering):
    assert ask(answering) == {"status": 1}
    assert [file.name for file in answering.iterdir()] == ["status.json"]


def test_the_answer_is_its_owners_alone(answering):
    ask(answering)
    assert stat.S_IMODE((answering / "status.json").stat().st_mode) == 0o600


def test_an_old_answer_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE_SECS", 0.0)
    (tmp_path / "status.json").write_text(json.dumps({"status": 0}))
    with pytest.raises(BridgeError, match="no bridge answers"):
        ask(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(BridgeError, match="has not run here"):
        ask(tmp_path / "none")
