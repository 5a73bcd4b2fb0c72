"""A peer: how it is found, started and configured.

The configuration of a peer is a file in this folder, as users would write it. Values that differ between runs come from
the environment: BROKER_PORT, KINESIS_PORT, FOLDER (for files of the peer), PEER_PORT and CA_FILE.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
CLIENT_ID = "peer"
NOT_FOUND = "not on the PATH"


@dataclass(frozen=True)
class Place:
    """Folder and ports of a peer. `peer_port` is the port of the peer itself, if it is a server."""

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
    """A peer.

    programs        commands as lists of words; the first command whose program is on the PATH is used
    command         function that returns the command line for a program and a place; it may write files there
    config          name of the configuration file in this folder
    known_version   version, if the peer is a part of this project
    environment     variables to add to those of the place
    server          the peer does not subscribe; the broker publishes to it as a client. Its Kinesis then uses TLS
    """

    name: str
    programs: tuple[tuple[str, ...], ...]
    command: Callable[[tuple[str, ...], Place], list[str]]
    note: str
    config: str | None = None
    known_version: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    server: bool = False

    def found(self) -> tuple[str, ...] | None:
        return next((program for program in self.programs if shutil.which(program[0])), None)

    def version(self) -> str:
        """Return the version as the program prints it, or a note that the program was not found."""
        program = self.found()
        if program is None:
            return NOT_FOUND
        if self.known_version:
            return self.known_version
        done = subprocess.run([*program, "--version"], capture_output=True, text=True, timeout=60, check=False)
        return version_in(done.stdout + done.stderr)


def version_in(text: str) -> str:
    """Return the first number that looks like a version, or the first line if there is none."""
    found = re.search(r"\d+\.\d+(\.\d+)*", text)
    return found[0] if found else text.strip().partition("\n")[0]
