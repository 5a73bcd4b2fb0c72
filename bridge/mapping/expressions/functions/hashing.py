"""The functions `hash` and `uuid5`. Their results depend only on the value, so other systems can compute them too."""

from __future__ import annotations

import hashlib
import uuid
import zlib
from typing import TYPE_CHECKING, Any, Final

import orjson

from bridge.mapping.expressions.functions.function import Function, Parameter, tried

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _crc32(data: bytes) -> str:
    return f"{zlib.crc32(data):08x}"


_ALGORITHMS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "sha256": lambda data: hashlib.sha256(data).hexdigest(),
    "sha512": lambda data: hashlib.sha512(data).hexdigest(),
    # Digests are only used to identify values and not for security, so weak algorithms are acceptable.
    "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "crc32": _crc32,
}
_NAMESPACES: Final[Mapping[str, uuid.UUID]] = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}


def _hash(value: Any, algorithm: str = "sha256") -> str:
    """Return the hexadecimal digest of a value.

    A text is hashed as UTF-8. Any other value is hashed as compact JSON with sorted names.
    """
    digest = _ALGORITHMS.get(algorithm)
    if digest is None:
        raise ValueError(f"algorithm must be one of {', '.join(_ALGORITHMS)}")
    # The names are sorted, because the digest must not depend on the order of an object's members.
    return digest(value.encode() if type(value) is str else orjson.dumps(value, option=orjson.OPT_SORT_KEYS))


def _uuid5(namespace: str, name: str) -> str:
    """Return the name-based UUID (RFC 9562, version 5). Raise ValueError for an unknown namespace."""
    known = _NAMESPACES.get(namespace)
    if known is None:
        try:
            known = uuid.UUID(namespace)
        except ValueError as error:
            raise ValueError("namespace must be dns, url, oid, x500 or a UUID") from error
    return str(uuid.uuid5(known, name))


IDENTITY: Final[tuple[Function, ...]] = (
    Function(
        "hash",
        (Parameter("value"), Parameter("algorithm", ("string",))),
        _hash,
        "The hexadecimal digest of a text in UTF-8, or of any other value as compact JSON with sorted names. The "
        "algorithm is sha256 (default), sha512, sha1, md5 or crc32. The digest identifies a value. It does not protect "
        "secrets.",
        (
            ("hash('123456789', 'crc32')", "cbf43926"),
            ("hash('')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ),
        optional=1,
        cost=10,
        bind=tried(_hash, "", "md5"),
    ),
    Function(
        "uuid5",
        (Parameter("namespace", ("string",)), Parameter("name", ("string",))),
        _uuid5,
        "The name-based UUID (RFC 9562, version 5) in a namespace: dns, url, oid, x500 or a UUID.",
        (("uuid5('dns', 'python.org')", "886313e1-3b8a-5372-9b90-0c9aee199e5d"),),
        cost=25,
        bind=tried(_uuid5, "dns", ""),
    ),
)
