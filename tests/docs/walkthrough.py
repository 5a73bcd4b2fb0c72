"""Runner of a page: write its files, run its commands in order, and compare their output with the page.

A fenced block whose first line is `# NAME` writes the file NAME. In a block of the language `console`, each line
that begins with `$ ` is a command (`> ` continues it), and the lines below are what it prints; `...` stands for any
lines and `…` for any text. A comment before a block changes how it is played:

    <!-- test: skip, REASON -->          the block is not played
    <!-- test: file NAME -->             the block is the content of the file NAME
    <!-- test: background, TEXT -->      the command stays running; continue once it has printed TEXT or TEXT is a
                                         port that accepts connections
    <!-- test: exit code 1 -->           of the command
    <!-- test: pause NAME -->            stops the background command that begins with NAME, as Ctrl-Z does
    <!-- test: resume NAME -->           continues it, as `fg` does
    <!-- test: end NAME -->              ends it, as Ctrl-C does
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import ROOT
from tests.harness.network import free_port

STEP = re.compile(
    r"<!-- test: (?P<directive>[^\n]*?) -->|^```(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
PORTS = ("1884", "4567", "8080")
"""Port numbers in the pages, which free ports replace in a test."""
REPEATED = re.compile(r"mqtt-kinesis (status|dead-letters (list|replay)|coverage)|python .* read")
"""Commands that the test repeats until they print the expected output. They change nothing, or can be repeated."""
PATIENCE_SECS = 60.0


@dataclass
class Walkthrough:
    """One page that runs in one folder. As a context manager, it ends the background processes."""

    page: Path
    folder: Path
    running: dict[str, subprocess.Popen] = field(default_factory=dict)
    ports: dict[str, str] = field(default_factory=lambda: {port: str(free_port()) for port in PORTS})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for command in reversed(list(self.running)):
            self.end(command)

    def play(self) -> int:
        """Run the commands, and return their number. Raise AssertionError if a command prints something else."""
        directive, count = "", 0
        for step in STEP.finditer(self.page.read_text(encoding="utf-8")):
            if step["directive"]:
                directive = self.directed(step["directive"])
                continue
            count += self.block(step["language"], self.with_ports(step["text"]), directive)
            directive = ""
        return count

    def directed(self, directive: str) -> str:
        """Carry out a directive, or return it if it applies to the next block."""
        word, _, name = directive.partition(" ")
        if word not in ("pause", "resume", "end"):
            return directive
        if word == "end":
            self.end(name)
        else:
            self.signal(name, signal.SIGSTOP if word == "pause" else signal.SIGCONT)
        return ""

    def block(self, language: str, text: str, directive: str) -> int:
        if directive.startswith("skip"):
            return 0
        if language != "console":
            if name := re.match(r"file (.+)", directive) or re.match(r"(?:#|//) ([\w./-]+\.\w+)\b", text):
                (self.folder / name[1]).parent.mkdir(parents=True, exist_ok=True)
                if name[1] == "bridge.yaml" and "http:" not in text:
                    # Another program may use the default port.
                    text += f"http: {{listen: 127.0.0.1:{self.ports['8080']}}}\n"
                (self.folder / name[1]).write_text(text, encoding="utf-8")
            return 0
        commands = commands_of(text)
        for command, expected in commands:
            if directive.startswith("background"):
                self.start(command, directive.partition(", ")[2])
            else:
                self.run(command, expected, int((re.findall(r"exit code (\d+)", directive) or ["0"])[0]))
        return len(commands)

    def start(self, command: str, until: str) -> None:
        log = self.folder.parent / f"{len(self.running)}.log"
        with log.open("wb") as output:
            self.running[command] = subprocess.Popen(
                f"exec {command.removesuffix(' &')}", shell=True, cwd=self.folder, env=environment(), stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip
        until = self.with_ports(until)
        self.await_truth(lambda: until in log.read_text() or (until.isdigit() and listens(int(until))), command)

    def run(self, command: str, expected: list[str], exit_code: int) -> None:
        pattern, deadline = pattern_of(expected), time.monotonic() + PATIENCE_SECS
        while True:
            done = subprocess.run(
                command, shell=True, cwd=self.folder, env=environment(), capture_output=True, text=True, timeout=60,
                check=False, executable="/bin/bash",
            )  # fmt: skip
            printed = "".join(f"{line.rstrip()}\n" for line in (done.stdout + done.stderr).splitlines())
            # Delivery is at least once, so a record may arrive twice on a slow machine.
            once = "".join(dict.fromkeys(printed.splitlines(keepends=True)))
            matches = not expected or pattern.fullmatch(printed) or pattern.fullmatch(once)
            if done.returncode == exit_code and matches:
                return
            may_change = REPEATED.match(command) and time.monotonic() < deadline
            assert may_change, (
                f"{self.page.relative_to(ROOT)}: $ {command}\nexit code {done.returncode}, expected {exit_code}; "
                f"expected output:\n" + "\n".join(expected) + f"\nprinted:\n{printed}"
            )
            time.sleep(0.3)

    def end(self, name: str) -> None:
        self.signal(name, signal.SIGCONT)
        self.signal(name, signal.SIGTERM)
        self.running.pop(self.named(name)).wait(30)

    def signal(self, name: str, number: signal.Signals) -> None:
        os.killpg(self.running[self.named(name)].pid, number)

    def named(self, name: str) -> str:
        return next(command for command in self.running if command.startswith(name))

    def with_ports(self, text: str) -> str:
        for shown, free in self.ports.items():
            text = re.sub(rf"\b{shown}\b", free, text)
        return text

    @staticmethod
    def await_truth(condition, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECS
        while not condition():
            assert time.monotonic() < deadline, f"not ready: {what}"
            time.sleep(0.1)


def commands_of(text: str) -> list[tuple[str, list[str]]]:
    """Return each command of a console block with the lines that it prints."""
    commands: list[tuple[str, list[str]]] = []
    continued = False
    for line in text.splitlines():
        if line.startswith("$ ") and not continued:
            commands.append((line[2:], []))
        elif continued or (line.startswith("> ") and not commands[-1][1]):
            commands[-1] = (f"{commands[-1][0]}\n{line.removeprefix('> ')}", [])
        else:
            commands[-1][1].append(line.rstrip())
        continued = line.endswith("\\")
    return [(re.sub(r"\s{2,}#.*", "", command), expected) for command, expected in commands]


def pattern_of(expected: list[str]) -> re.Pattern:
    """Return a pattern for the expected lines: `...` matches any number of lines, and `…` any text within a line."""
    lines = ["(.*\n)*?" if line == "..." else re.escape(line).replace("…", "[^\n]*") + "\n" for line in expected]
    return re.compile("".join(lines))


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:/usr/sbin:{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1"}


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
