"""A Sparkplug session with its state, which processes one message after the other."""

from bridge.payloads.sparkplug.session import SparkplugSession
from bridge.spool.mapping_state import MappingState
from tests.payloads.sparkplug.wire import BOOLEAN, DOUBLE, INT64, NOW_MS, integer, message, metric, payload

LOAD = metric(alias=1, value=0.75)
RUN = metric(alias=2, value=integer(14, 1))
REBIRTH = ["spBv1.0/g/NCMD/n"]


def number(bd_seq):
    return metric("bdSeq", integer(11, bd_seq), datatype=INT64)


class Host:
    """A session with its memory. Each message is a millisecond later, and in sequence unless `seq` is given."""

    def __init__(self, memory=None, **options):
        self.memory = MappingState("m", {}) if memory is None else memory
        self.session = SparkplugSession(**options)
        self.now_ms = NOW_MS
        self.seq = 0

    def tell(self, path, *metrics, seq=None, at=None, wait_ms=1):
        self.now_ms += wait_ms
        if seq is None and "NDEATH" not in path:
            seq, self.seq = self.seq, (self.seq + 1) % 256
        elif seq is not None:
            self.seq = (seq + 1) % 256
        data = payload(*metrics, seq=seq, at=self.now_ms if at is None else at)
        seen, self.commands = self.session.decode(message(path, data, received_at_ms=self.now_ms), self.memory)
        return seen

    def birth(self, bd_seq=0, devices=("d",), seq=0):
        seen = self.tell("g/NBIRTH/n", number(bd_seq), metric("Load", 0.5, alias=1, datatype=DOUBLE), seq=seq)
        for device in devices:
            self.tell(f"g/DBIRTH/n/{device}", metric("Run", integer(14, 0), alias=2, datatype=BOOLEAN))
        return seen

    def restart(self):
        """Simulate a restart: a new process with the stored state."""
        other = Host(MappingState("m", dict(self.memory.items())))
        other.now_ms, other.seq = self.now_ms, self.seq
        return other

    @property
    def asks(self):
        return [command.topic for command in self.commands]
