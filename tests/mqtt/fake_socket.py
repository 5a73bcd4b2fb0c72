"""A socket whose bytes, interruptions and time-outs a test determines."""


class FakeSocket:
    def __init__(self, *blocks):
        self.blocks = list(blocks)
        self.sent = bytearray()
        self.takes = []
        """How many bytes each send takes; 0 would block. Everything once the list is empty."""
        self.closed = False

    def recv(self, size):
        if not self.blocks:
            raise BlockingIOError
        block = self.blocks.pop(0)
        assert len(block) <= size
        return block

    def send(self, data):
        takes = self.takes.pop(0) if self.takes else len(data)
        if takes == 0:
            raise BlockingIOError
        self.sent += data[:takes]
        return len(data[:takes])

    def fileno(self):
        return 99

    def close(self):
        self.closed = True

    def setblocking(self, flag):
        pass
