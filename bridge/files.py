"""Functions that read small regular files up to a size limit, and replace files atomically."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib

MAX_DOCUMENT_BYTES = 1024 * 1024
"""Maximum size of a configuration or mapping file."""


LEADS_OUTSIDE = "a link to a file outside the folder of the mappings: it is not read here"


class FileProblem(Exception):
    """The file cannot be read. The text states the reason, and never quotes the file's contents."""


def read_bytes(file: pathlib.Path, limit: int) -> bytes:
    """Return the contents of `file`, at most `limit` bytes.

    Raises FileProblem if the file does not exist, is not a regular file, may not be read, or is larger than `limit`.
    """
    try:
        # Without O_NONBLOCK, open() of a FIFO would block for ever.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise FileProblem("not a regular file")
            # Read only as many bytes as the file has, because allocating a buffer of `limit` bytes is slow. Files in
            # /proc report the size 0, so read up to `limit` bytes of them.
            raw = opened.read(min(status.st_size or limit, limit) + 1)
    except FileNotFoundError:
        raise FileProblem("no such file") from None
    except IsADirectoryError:
        raise FileProblem("this is a folder; expected a file") from None
    except PermissionError:
        raise FileProblem("not permitted to read this file; give the bridge's user read access") from None
    except (OSError, ValueError) as error:  # ValueError: the file's name contains a NUL
        raise FileProblem(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > limit:
        raise FileProblem(f"larger than {limit:,} bytes, the limit for such a file")
    return raw


def shown_name(name: str) -> str:
    r"""Return a file's name, or a text that contains it, as text that can be printed and sent as JSON.

    Linux permits names that are not UTF-8. Python represents their other bytes as lone surrogates, which neither UTF-8
    nor JSON can represent. In the result, a lone surrogate is written as an escape, such as `\udcff` for the byte 0xff.
    """
    return name.encode("utf-8", "backslashreplace").decode()


def roots(folder: pathlib.Path, within: str) -> tuple[pathlib.Path, ...]:
    """Return the paths of `folder` and its subfolder `within`, with symbolic links resolved, for `leads_outside`."""
    return folder.resolve(), (folder / within).resolve()


def leads_outside(file: pathlib.Path, roots: tuple[pathlib.Path, ...]) -> bool:
    """Return whether `file` is outside all of the folders `roots`. If `file` is a link, check the file it links to."""
    target = file.resolve()
    return not any(map(target.is_relative_to, roots))


def replace_file(file: pathlib.Path, octets: bytes) -> None:
    """Replace the contents of `file` with `octets`. After a power failure, `file` has the old or the new contents.

    A missing file or folder is created with access for its owner only. Raises OSError.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_name(f".{file.name}.new")
    # Delete the temporary file of a killed process, because O_EXCL fails if the file exists. Without O_EXCL, `open`
    # would follow a symbolic link of this name, and overwrite another file.
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as opened:
        opened.write(octets)
        opened.flush()
        # The data must be on disk before the rename. Otherwise, a power failure could leave an incomplete file.
        os.fsync(opened.fileno())
    new.replace(file)
