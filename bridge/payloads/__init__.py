"""Payload decoders, one per file. To add one, write its file and add it to DECODERS."""

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
    """Contract of a payload decoder. The ingest thread calls it, once per mapping that matches the message."""

    def decode(self, payload: bytes) -> Any:
        """Return the value that expressions see as `payload`.

        Raise DecodeError if the payload is not of this format.
        """
        ...


DECODERS: Mapping[str, Decoder] = {
    "json": Json(),
    "text": Text(),
    "number": Number(),
    "bytes": Raw(),
    "msgpack": Msgpack(),
    "cbor": Cbor(),
}
"""Decoders by the value of a mapping's `payload`. `csv` is missing: each mapping has its own, made from its options."""
