"""What others would use for this work, how each is found, started and configured, and what it cannot do.

A peer's configuration is a file beside this one, as its users would write it; what differs from run to run it takes
from its environment: BROKER_PORT, KINESIS_PORT, FOLDER (for its files), PEER_PORT and CA_FILE.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.load import MAPPING, packed
from tests.rig.bridge_process import write_configuration

HERE = Path(__file__).parent
CLIENT_ID = "peer"
NOT_FOUND = "not on the PATH"


@dataclass(frozen=True)
class Place:
    """Where a peer runs: its folder and the ports it speaks to. `peer_port` is its own, where it is a server."""

    folder: Path
    broker_port: int
    kinesis_port: int
    peer_port: int
    ca_file: Path | None = None

    def environment(self) -> dict[str, str]:
        aws = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
        ports = {"BROKER_PORT": self.broker_port, "KINESIS_PORT": self.kinesis_port, "PEER_PORT": self.peer_port}
        here = {"FOLDER": str(self.folder), "CA_FILE": str(self.ca_file or "")}
        return os.environ | aws | {name: str(port) for name, port in ports.items()} | here


@dataclass(frozen=True)
class Peer:
    """`programs` are the words of a command, of which the first is looked for on the PATH: the first one found is used.

    `command` gives a program's whole command in a place; it may write files there. `arguments` ask for its version.
    `server`: it subscribes nowhere, and the broker is told to publish to it; then its Kinesis speaks TLS.
    """

    name: str
    programs: tuple[tuple[str, ...], ...]
    command: Callable[[tuple[str, ...], Place], list[str]]
    note: str
    arguments: tuple[str, ...] = ("--version",)
    config: str | None = None
    server: bool = False

    def found(self) -> tuple[str, ...] | None:
        return next((program for program in self.programs if shutil.which(program[0])), None)

    def version(self) -> str:
        """In its own words, or that it was not found."""
        program = self.found()
        if program is None:
            return NOT_FOUND
        if not self.arguments:
            return "this one"
        done = subprocess.run([*program, *self.arguments], capture_output=True, text=True, timeout=60, check=False)
        return version_in(done.stdout + done.stderr)


def version_in(text: str) -> str:
    """The first number that looks like a version; the first line where there is none."""
    found = re.search(r"\d+\.\d+(\.\d+)*", text)
    return found[0] if found else text.strip().partition("\n")[0]


def started_with(*arguments: str, config: str) -> Callable[[tuple[str, ...], Place], list[str]]:
    """PROGRAM ARGUMENTS CONFIG, the configuration being the file beside this one."""
    return lambda program, place: [*program, *arguments, str(HERE / config)]


def _benthos(program: tuple[str, ...], place: Place) -> list[str]:
    """Since Redpanda named it, by `run`; before that, and still in its forks, by `-c`."""
    word = "-c" if program[0] in {"benthos", "bento"} else "run"
    return [*program, word, str(HERE / "benthos.yaml")]


def _bridge(packing: str) -> Callable[[tuple[str, ...], Place], list[str]]:
    def command(program: tuple[str, ...], place: Place) -> list[str]:
        write_configuration(
            place.folder,
            mqtt={"url": f"mqtt://127.0.0.1:{place.broker_port}", "client_id": CLIENT_ID},
            kinesis={"endpoint_url": f"http://127.0.0.1:{place.kinesis_port}"},
            mappings={"press-telemetry": packed(packing, MAPPING)},
        )
        return [*program, "-m", "bridge", "run", "--config", str(place.folder / "bridge.yaml")]

    return command


def _naive(program: tuple[str, ...], place: Place) -> list[str]:
    return [*program, str(HERE / "naive.py")]


PYTHON = ((sys.executable,),)
PEERS = (
    Peer(
        "the bridge, plain",
        PYTHON,
        _bridge("none"),
        "a spool with fsync; acknowledged after it, a record for each message",
        (),
    ),
    Peer(
        "the bridge, kpl",
        PYTHON,
        _bridge("kpl"),
        "the same, and many messages packed into one record",
        (),
    ),
    Peer(
        "paho + boto3",
        PYTHON,
        _naive,
        f"a script of an afternoon (paho-mqtt {version('paho-mqtt')}, boto3 {version('boto3')}): acknowledges when"
        " its callback returns, holds in memory what is not sent",
        (),
        "naive.py",
    ),
    Peer(
        "Telegraf",
        (("telegraf",),),
        started_with("--config", config="telegraf.toml"),
        "acknowledges when its output reports success, whatever became of the records; its JSON has an envelope",
        ("--version",),
        "telegraf.toml",
    ),
    Peer(
        "Redpanda Connect (Benthos)",
        (("redpanda-connect",), ("rpk", "connect"), ("bento",), ("benthos",)),
        _benthos,
        "its mqtt input leaves acknowledging to its client library, which does it when a message has been handed on",
        ("--version",),
        "benthos.yaml",
    ),
    Peer(
        "Vector",
        (("vector",),),
        started_with("--config", config="vector.yaml"),
        "its mqtt source knows no end-to-end acknowledgements; buffer on disk",
        ("--version",),
        "vector.yaml",
    ),
    Peer(
        "Fluent Bit",
        (("fluent-bit",),),
        started_with("-c", config="fluent-bit.yaml"),
        "its mqtt input is a server, so mosquitto publishes to it as a bridge; acknowledges before it stores; random"
        " partition keys; TLS to Kinesis",
        ("--version",),
        "fluent-bit.yaml",
        server=True,
    ),
)
