"""Other programs for the same work (peers): how each is started, and when it acknowledges a message.

The note of a peer says what the peer cannot do. The tables show it with the figures.
"""

import sys
from importlib.metadata import version

from tests.benchmarks.load import packed
from tests.benchmarks.peers.peer import CLIENT_ID, HERE, Peer, Place
from tests.harness.bridge_process import write_configuration


def _bridge(packing: str):
    def command(program: tuple[str, ...], place: Place) -> list[str]:
        write_configuration(
            place.folder,
            mqtt={"url": f"mqtt://127.0.0.1:{place.broker_port}", "client_id": CLIENT_ID},
            kinesis={"endpoint_url": f"http://127.0.0.1:{place.kinesis_port}"},
            mappings={"press-telemetry": packed(packing)},
        )
        return [*program, "-m", "bridge", "run", "--config", str(place.folder / "bridge.yaml")]

    return command


def _naive(program: tuple[str, ...], place: Place) -> list[str]:
    return [*program, str(HERE / "naive.py")]


def _telegraf(program: tuple[str, ...], place: Place) -> list[str]:
    return [*program, "--config", str(HERE / "telegraf.toml")]


def _benthos(program: tuple[str, ...], place: Place) -> list[str]:
    """Return the command. Versions of Redpanda begin with `run`; older versions and their fork need `-c`."""
    word = "-c" if program[0] in {"benthos", "bento"} else "run"
    return [*program, word, str(HERE / "benthos.yaml")]


def _vector(program: tuple[str, ...], place: Place) -> list[str]:
    return [*program, "--config", str(HERE / "vector.yaml")]


def _fluent_bit(program: tuple[str, ...], place: Place) -> list[str]:
    return [*program, "-c", str(HERE / "fluent-bit.yaml")]


PYTHON = ((sys.executable,),)
PEERS = (
    Peer(
        name="the bridge, plain",
        programs=PYTHON,
        command=_bridge("none"),
        note="acknowledges when the record is in the spool on disk, fsynced; a record for each message",
        known_version=version("mqtt-kinesis"),
    ),
    Peer(
        name="the bridge, kpl",
        programs=PYTHON,
        command=_bridge("kpl"),
        note="the same, with many messages in one record",
        known_version=version("mqtt-kinesis"),
    ),
    Peer(
        name="paho + boto3",
        programs=PYTHON,
        command=_naive,
        note="a script of an afternoon: acknowledges when its callback returns, holds in memory what is not sent",
        config="naive.py",
        known_version=f"{version('paho-mqtt')}, {version('boto3')}",
    ),
    Peer(
        name="Telegraf",
        programs=(("telegraf",),),
        command=_telegraf,
        note="acknowledges when its output reports success, which it does whatever became of the records; its JSON has"
        " an envelope",
        config="telegraf.toml",
    ),
    Peer(
        name="Telegraf, AWS_MAX_ATTEMPTS=50",
        programs=(("telegraf",),),
        command=_telegraf,
        note="the same, with more patience asked of its AWS library, which Telegraf's own documentation does not name",
        config="telegraf.toml",
        environment={"AWS_MAX_ATTEMPTS": "50"},
    ),
    Peer(
        name="Redpanda Connect (Benthos)",
        programs=(("redpanda-connect",), ("rpk", "connect"), ("bento",), ("benthos",)),
        command=_benthos,
        note="its mqtt client library acknowledges as soon as a message has been handed on, before it is sent",
        config="benthos.yaml",
    ),
    Peer(
        name="Vector",
        programs=(("vector",),),
        command=_vector,
        note="its mqtt source has no part in its end-to-end acknowledgements; what is not sent is in a buffer on disk",
        config="vector.yaml",
    ),
    Peer(
        name="Fluent Bit",
        programs=(("fluent-bit",),),
        command=_fluent_bit,
        note="its mqtt input is a server and subscribes nowhere, so mosquitto publishes to it; acknowledges before it"
        " stores; random partition keys; Kinesis by TLS only",
        config="fluent-bit.yaml",
        server=True,
    ),
)
