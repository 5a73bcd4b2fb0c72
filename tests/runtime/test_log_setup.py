"""Log lines for people: in colour on a terminal with colours, otherwise plain."""

import io
import logging

import pytest

from bridge.runtime.log_setup import MAX_TEXT_CHARS, set_up_logging


class Terminal(io.StringIO):
    def isatty(self):
        return True


def logged(stream, form="text"):
    set_up_logging(form, "info", stream)
    log = logging.getLogger("test")
    log.info("all is well")
    log.warning("the link is thin")
    log.error("refused", extra={"stream": "s"})
    return stream.getvalue().splitlines()


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_level_stands_out_on_a_terminal():
    well, warning, error = logged(Terminal())
    assert "\x1b" not in well
    assert " \x1b[33mwarning \x1b[0m the link is thin" in warning
    assert " \x1b[31merror   \x1b[0m refused  stream=s" in error


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_log_with_colour_disabled_has_none(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert not any("\x1b" in line for line in logged(Terminal()))


def test_log_to_a_file_is_plain_text():
    assert [line.split(maxsplit=1)[1] for line in logged(io.StringIO())] == [
        "info     all is well",
        "warning  the link is thin",
        "error    refused  stream=s",
    ]


def test_json_is_for_programs():
    assert not any("\x1b" in line for line in logged(Terminal(), "json"))


HOSTILE = "no \x1b[31mred\x07 \x9b2J \u202e\r\nforged line"


@pytest.mark.parametrize("form", ["text", "json"])
def test_control_characters_never_reach_the_log(form):
    stream = io.StringIO()
    set_up_logging(form, "info", stream)
    logging.getLogger("test").error("failed: %s", HOSTILE, extra={"topic": HOSTILE}, exc_info=ValueError(HOSTILE))
    text = stream.getvalue()
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert not [line for line in text.splitlines()[:2] if line.startswith("forged")]


@pytest.mark.parametrize("form", ["text", "json"])
def test_log_line_with_a_payload_is_shortened(form):
    stream, payload = io.StringIO(), "QUJD" * 10_000
    set_up_logging(form, "info", stream)
    logging.getLogger("test").error("code 400, Bad request syntax (%r)", payload, extra={"topic": payload})
    [line] = stream.getvalue().splitlines()
    assert "Bad request syntax" in line
    assert line.count("more characters") == 2
    assert len(line) < 2 * MAX_TEXT_CHARS + 200
