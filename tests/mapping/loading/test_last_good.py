import os

import pytest

from bridge.mapping.loading.last_good import FILE, LastGoodTexts


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "in-force"


@pytest.fixture
def kept(folder):
    texts = LastGoodTexts(folder)
    texts.record("press.yaml", "topic: drücke/#\r\n".encode())
    texts.record("oven.yaml", b"topic: ovens/#\n")
    texts.write()
    return texts


def test_text_is_there_after_a_restart_byte_by_byte(kept, folder):
    again = LastGoodTexts(folder)
    assert again.get("press.yaml") == "topic: drücke/#\r\n".encode()
    assert again.get("oven.yaml") == b"topic: ovens/#\n"
    assert again.get("other.yaml") is None


def test_byte_order_mark_is_part_of_the_text(kept, folder):
    kept.record("press.yaml", b"\xef\xbb\xbftopic: a")
    kept.write()
    assert LastGoodTexts(folder).get("press.yaml") == b"\xef\xbb\xbftopic: a"


def test_forgotten_text_is_absent_after_a_restart(kept, folder):
    kept.forget_all_but({"oven.yaml", "other.yaml"})
    kept.write()
    again = LastGoodTexts(folder)
    assert again.get("press.yaml") is None
    assert again.get("oven.yaml") == b"topic: ovens/#\n"


def test_text_that_is_on_disk_is_not_written_again(kept, folder):
    before = (folder / FILE).stat().st_ino
    again = LastGoodTexts(folder)
    again.record("oven.yaml", b"topic: ovens/#\n")
    again.write()
    assert (folder / FILE).stat().st_ino == before
    assert not (list(folder.glob(".*")))


def test_failed_write_is_retried(folder, caplog):
    folder.write_text("a file where a folder should be")
    texts = LastGoodTexts(folder)
    texts.record("press.yaml", b"topic: a")
    texts.write()
    assert f"cannot store the active mappings in {folder / FILE}: File exists" in caplog.text
    folder.unlink()
    texts.write()
    assert LastGoodTexts(folder).get("press.yaml") == b"topic: a"


@pytest.mark.parametrize(
    ("damaged", "why"),
    [(b'{"press.yaml": "top', "unexpected end"), (b'["a"]', "an object of texts"), (b'{"a": 1}', "an object of texts")],
)
def test_damaged_file_is_reported_and_written_again(kept, folder, caplog, damaged, why):
    (folder / FILE).write_bytes(damaged)
    again = LastGoodTexts(folder)
    assert again.get("press.yaml") is None
    assert why in caplog.text
    again.record("press.yaml", b"topic: a")
    again.write()
    assert LastGoodTexts(folder).get("press.yaml") == b"topic: a"


@pytest.mark.parametrize("kind", ["too large", "pipe", "link to a device"])
def test_file_that_cannot_be_read_completely_is_replaced(folder, kept, kind, caplog):
    file = folder / FILE
    file.unlink()
    if kind == "too large":
        with file.open("wb") as sparse:
            sparse.truncate(20_000_000_000)
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    again = LastGoodTexts(folder)
    assert again.get("press.yaml") is None
    assert "cannot be read" in caplog.text
    again.record("press.yaml", b"topic: a")
    again.write()
    assert LastGoodTexts(folder).get("press.yaml") == b"topic: a"
