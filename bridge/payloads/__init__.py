"""Payload decoders, one a file. To add one, write its file and name it in DECODERS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from bridge.payloads.cbor import Cbor
from bridge.payloads.json import Json
from bridge.payloads.msgpack import Msgpack
from bridge.payloads.number import Number
from bridge.payloads.raw_bytes import Raw
from bridge.payloads.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping


class Decoder(Protocol):
    """Reads the payload of one message. Called on the ingest thread, once per mapping that matches the message."""

    def decode(self, payload: bytes) -> Any:
        """Give the value that expressions see as `payload`. Raises DecodeError if the payload is not of this format."""
        ...


DECODERS: Mapping[str, Decoder] = {
    "json": Json(),
    "text": Text(),
    "number": Number(),
    "bytes": Raw(),
    "msgpack": Msgpack(),
    "cbor": Cbor(),
}
"""By the name that a mapping's `payload` gives; `csv` is made anew for each mapping, from its options."""
