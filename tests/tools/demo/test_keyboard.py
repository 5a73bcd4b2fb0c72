import os
import pty
import re
import sys

from bridge.tools.demo.keyboard import Keyboard
from tests.tools.demo.outputs import counts


def test_keyboard_without_a_terminal_returns_no_key():
    with Keyboard() as keyboard:
        assert (keyboard.present, keyboard.pressed()) == (False, "")


class Terminal:
    """The demo in a terminal of its own. `until` reads its output up to a text."""

    def __init__(self):
        self.text = ""
        child, self.leader = pty.fork()
        if not child:
            os.execv(sys.executable, [sys.executable, "-m", "bridge", "demo"])
        self.child = child

    def press(self, keys):
        os.write(self.leader, keys)

    def until(self, pattern):
        start = len(self.text)
        while not re.search(pattern, self.text[start:]):
            more = self.read()
            assert more, self.text
            self.text += more
        return self.text[start:]

    def read(self):
        try:
            return os.read(self.leader, 65536).decode()
        except OSError:
            return ""

    def ended(self):
        while more := self.read():
            self.text += more
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])


def test_keys_cut_kinesis_publish_a_bad_message_and_end_the_demo():
    terminal = Terminal()
    shown = terminal.until(r" [1-9]\d* s .* [1-9]\d* delivered")
    assert "press k" in shown
    terminal.press(b"k")
    terminal.until("Kinesis is cut off")
    terminal.press(b"b")
    terminal.until("published 'not a number' on factory/pdx/line")
    terminal.until(r" [1-9]\d* buffered")
    terminal.press(b"k")
    terminal.until("Kinesis is connected")
    terminal.press(b"q")
    assert terminal.ended() == 0, terminal.text
    published, received, delivered, read_back = counts(terminal.text)
    assert published == received > 0
    assert delivered <= read_back
    assert "no message was lost" in terminal.text


def test_terminal_is_restored_at_the_end():
    script = (
        "import termios\n"
        "from bridge.tools.demo.keyboard import Keyboard\n"
        "before = termios.tcgetattr(0)\n"
        "with Keyboard() as keyboard:\n"
        "    print(keyboard.present, termios.tcgetattr(0) == before)\n"
        "print(termios.tcgetattr(0) == before)\n"
    )
    child, leader = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-c", script])
    text = b""
    while text.count(b"\n") != 2:
        text += os.read(leader, 1024)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert text.split() == [b"True", b"False", b"True"]
