"""Character encodings of text payloads, with Python's names: https://docs.python.org/3/library/codecs.html.

Python's codecs for other purposes, such as idna, punycode and unicode_escape, are not supported. Some of them take
quadratic time.
"""

from __future__ import annotations

import codecs
import difflib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from bridge.errors import DecodeError

if TYPE_CHECKING:
    from collections.abc import Callable

# Python's canonical names of the supported encodings. Users may write aliases, such as latin-1 for iso8859-1.
_CODECS: Final = frozenset(
    {
        *("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "ascii"),
        *(f"iso8859-{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
        *(f"cp{number}" for number in (437, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864, 865, 866, 869, 874)),
        *(f"cp{number}" for number in (932, 949, 950, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)),
        *("big5", "euc_jp", "euc_kr", "gb2312", "gbk", "gb18030", "koi8-r", "koi8-u", "shift_jis", "mac-roman"),
    }
)
# Encodings that error messages propose.
_USUAL: Final = ("utf-8", "latin-1", "windows-1252", "utf-16", "utf-16-le", "utf-16-be", "shift_jis", "gb18030")
UTF8: Final = frozenset({"utf-8", "utf-8-sig"})


def codec_name(name: str) -> str:
    """Return Python's canonical name of an encoding. Raise ValueError if the encoding is not supported."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    if found not in _CODECS:
        near = difflib.get_close_matches(name.lower(), _USUAL, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"expected one such as {', '.join(_USUAL)}"
        raise ValueError(f"unknown encoding '{name[:40]}'; {hint}")
    return found


@lru_cache(maxsize=64)
def text_decoder(name: str) -> Callable[[bytes], str]:
    """Return a function that decodes bytes to text, without a byte order mark. The function raises DecodeError.

    Raise ValueError if the encoding is not supported.
    """
    codec = codec_name(name)
    decode = codecs.lookup(codec).decode

    def text(data: bytes) -> str:
        try:
            return decode(data)[0].removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            found = " ".join(f"0x{byte:02x}" for byte in data[error.start : min(error.end, error.start + 4)])
            raise DecodeError(f"not {name}: {error.reason}, at byte {error.start}: found {found}") from None

    return text
