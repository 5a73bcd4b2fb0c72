"""Progress bar on standard error."""

import io
import sys

import pytest

from bridge.cli.output.progress_bar import progress


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("total", [None, 3])
def test_progress_yields_every_item_in_order(monkeypatch, capsys, terminal, total):
    err = io.StringIO()
    err.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", err)
    assert list(progress(iter("abc"), "letters", total)) == ["a", "b", "c"]
    assert ("letters" in err.getvalue()) is terminal
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_reads_an_item_only_when_it_is_requested(monkeypatch, terminal):
    err = io.StringIO()
    err.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", err)
    source = iter("abc")
    items = progress(source, "letters")
    assert next(items) == "a"
    items.close()
    assert next(source) == "b"
