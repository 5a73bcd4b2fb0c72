"""Small regular files, read whole and no further than a limit, or written whole or not at all."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib

MAX_DOCUMENT_BYTES = 1024 * 1024


class FileProblem(Exception):
    """The file cannot be read; the text says why, and holds nothing of its contents."""


def read_bytes(file: pathlib.Path, limit: int) -> bytes:
    """The whole file. Raises FileProblem: no such file, a folder, no regular file, not permitted, too large."""
    try:
        # A FIFO would block open() for ever.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileProblem("not a regular file")
            # Room for the limit would take longer than the reading. What the kernel makes up has no size.
            raw = opened.read(min(status.st_size or limit, limit) + 1)
    except FileNotFoundError:
        raise FileProblem("no such file") from None
    except IsADirectoryError:
        raise FileProblem("this is a folder; expected a file") from None
    except PermissionError:
        raise FileProblem("not permitted to read this file; give the bridge's user read access") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise FileProblem(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > limit:
        raise FileProblem(f"larger than {limit:,} bytes, the most that is read of such a file")
    return raw


def replace_file(file: pathlib.Path, octets: bytes) -> None:
    """Have the file hold this, and after a power failure this or what it held; OSError.

    A folder that is made for it is its owner's alone.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_name(f".{file.name}.new")
    with new.open("wb") as opened:
        opened.write(octets)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)
