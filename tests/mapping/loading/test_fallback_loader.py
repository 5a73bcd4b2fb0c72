import logging
from collections import Counter

import pytest

from bridge.mapping.loading.fallback_loader import FallbackLoader, digest_of, read_text
from bridge.mapping.loading.last_good import LastGoodTexts
from bridge.mapping.loading.resources import NO_RESOURCES, Resources

SIGNATURE = (1, 1, 1, 1, 1)
LATER = (2, 2, 2, 2, 2)
PLAIN = b"topic: t\noutputs: [{data_stream: s}]\n"
NEWER = b"topic: t\noutputs: [{data_stream: newer}]\n"
BROKEN = b"topic: [\n"
LOOKUP = b"topic: t\nwhere: lookup('units', topic)\noutputs: [{data_stream: s}]\n"
TABLES = Resources(tables={"units": {"t": 1}})


class Folder:
    """A mapping file with its loader. `stored` are the resources that were active when the bridge last stopped."""

    def __init__(self, path, stored=NO_RESOURCES, *, shared=False):
        self.file = path / "press.yaml"
        self.texts = LastGoodTexts(path / "active")
        self.loader = FallbackLoader(path, {}, self.texts, lambda: stored, shared=shared)
        self.loader.names = Counter(["press"])

    def load(self, text, known=None, signature=SIGNATURE):
        self.file.write_bytes(text)
        return self.loader.load(self.file, signature, read_text(self.file), known)

    def reload(self, known, text=None, signature=LATER):
        if text is not None:
            self.file.write_bytes(text)
        return self.loader.reload_if_changed(self.file, signature, known)


@pytest.fixture
def made(tmp_path):
    return Folder(tmp_path)


def streams(loaded):
    return loaded.mapping and [output.data_stream for output in loaded.mapping.outputs]


def test_loader_of_a_valid_file_records_its_text_as_last_good(made):
    loaded = made.load(PLAIN)
    assert (streams(loaded), loaded.problems, loaded.digest) == (["s"], (), digest_of(PLAIN))
    assert made.texts.get("press.yaml") == PLAIN


def test_loader_of_the_same_text_keeps_the_mapping_and_the_new_signature(made):
    known = made.load(PLAIN)
    again = made.reload(known)
    assert again.mapping is known.mapping
    assert again.signature == LATER


def test_loader_of_another_text_compiles_it_and_logs_a_reload(made, caplog):
    caplog.set_level(logging.INFO)
    known = made.load(PLAIN)
    assert "mapping reloaded" not in caplog.text
    assert streams(made.reload(known, NEWER)) == ["newer"]
    assert "mapping reloaded" in caplog.text


def test_loader_of_a_broken_file_keeps_the_active_mapping(made, caplog):
    known = made.load(PLAIN)
    failed = made.reload(known, BROKEN)
    assert failed.mapping is known.mapping
    assert failed.problems
    assert "press.yaml: reload failed; still running the previous version" in caplog.text
    assert made.texts.get("press.yaml") == PLAIN


def test_loader_of_a_broken_file_logs_each_problem_once(made, caplog):
    failed = made.load(BROKEN)
    assert "press.yaml: not loaded" in caplog.text
    caplog.clear()
    failed = made.reload(failed)
    assert caplog.text == ""
    made.reload(failed, b"nonsense: 1\n")
    assert "press.yaml: not loaded" in caplog.text


def test_loader_after_a_restart_compiles_the_last_good_text(made, tmp_path):
    made.load(NEWER)
    made.texts.write()
    again = Folder(tmp_path).load(BROKEN)
    assert streams(again) == ["newer"]
    assert again.problems


def test_loader_whose_table_is_missing_keeps_the_active_mapping(made):
    made.loader.resources = TABLES
    known = made.load(LOOKUP)
    made.loader.resources = Resources()
    failed = made.reload(known)
    assert failed.mapping is known.mapping
    assert "there is no table 'units'" in str(failed.problems[0])


def test_loader_after_a_restart_without_a_table_uses_the_stored_table(made, tmp_path):
    made.loader.resources = TABLES
    made.load(LOOKUP)
    made.texts.write()
    assert streams(Folder(tmp_path, stored=TABLES).load(LOOKUP)) == ["s"]
    assert streams(Folder(tmp_path).load(LOOKUP)) is None


@pytest.mark.parametrize(("text", "compiled"), [(LOOKUP, True), (PLAIN, False)])
def test_loader_with_a_new_table_compiles_only_files_that_use_tables(made, text, compiled):
    made.loader.resources = TABLES
    known = made.load(text)
    made.loader.resources = Resources(tables={"units": {"t": 2}})
    again = made.reload(known)
    assert (again.mapping is not known.mapping) is compiled
    assert again.resources is made.loader.resources


def test_loader_of_two_files_with_one_name_reports_the_name(made):
    known = made.load(PLAIN)
    made.loader.names = Counter(["press", "press"])
    failed = made.reload(known)
    assert "another file also gives a mapping the name 'press'" in str(failed.problems[0])
    assert failed.mapping is known.mapping
    made.loader.names = Counter(["press"])
    assert made.reload(failed).problems == ()


def test_loader_of_an_unreadable_file_keeps_the_last_good_version(made):
    known = made.load(PLAIN)
    made.file.unlink()
    made.file.mkdir()
    failed = made.reload(known)
    assert failed.mapping is known.mapping
    assert (failed.problems != (), failed.digest, read_text(made.file)) == (True, b"", None)


def test_loader_with_a_shared_subscription_warns_about_strict_order(tmp_path, caplog):
    strict = b"topic: t\noutputs: [{data_stream: s, partition_key: k, order: strict}]\n"
    with caplog.at_level(logging.WARNING):
        Folder(tmp_path).load(strict)
        assert caplog.text == ""
        Folder(tmp_path, shared=True).load(strict)
    assert "press.yaml: order: strict to s keeps the order only within one bridge" in caplog.text
