"""Access of the page to the files in the folder of the mappings.

Every change uses a descriptor of the folder and does not follow links (O_NOFOLLOW). So another program cannot redirect
a change by a link that it creates between a check and the change. Only `shown` follows links, and only to files in the
folder. Files are replaced atomically.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from bridge.files import MAX_DOCUMENT_BYTES, FileProblem, read_bytes
from bridge.mapping.loading.folder_watch import signatures
from bridge.web.editing.file_names import parse_file_name
from bridge.web.requests import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.mapping.loading.folder_watch import Signature
    from bridge.web.editing.file_names import MappingFileName

# 64 bits of the SHA-256 are enough: a version only has to differ from the other versions of the same file.
VERSION_DIGITS: Final = 16
# Link that Kubernetes makes in each mounted ConfigMap and Secret:
# https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically
_DATA_LINK: Final = "..data"
# With O_NONBLOCK, opening a FIFO does not wait for a writer. `_read` then rejects the FIFO, like every file that is not
# regular.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Conflict(Exception):
    """Error: the file has another version than its user has seen.

    `text` is the current content of the file, or None if there is no file.
    """

    def __init__(self, text: bytes | None) -> None:
        super().__init__()
        self.text = text


def version_of(text: bytes | None) -> str:
    """Return the version of a file's content: the beginning of its SHA-256 in hexadecimal, or "" for no file."""
    return "" if text is None else sha256(text).hexdigest()[:VERSION_DIGITS]


class MappingFolder:
    """The folder of the mappings."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._versions: dict[tuple[str, Signature], str] = {}

    def files(self) -> list[MappingFileName]:
        """Return the names of all mapping files, sorted. Raise RequestError if the folder cannot be read."""
        try:
            names = [each.name for each in self.path.iterdir()]
        except OSError as error:
            raise RequestError(409, f"cannot read the folder {self.path}: {error.strerror}") from None
        return sorted(found for name in names if (found := parse_file_name(name)) is not None)

    def files_of(self, name: str) -> list[MappingFileName]:
        """Return the files that have this mapping's name, enabled ones first."""
        return sorted((each for each in self.files() if each.name == name), key=lambda each: not each.enabled)

    def read(self, file: str) -> bytes | None:
        """Return a file's content, or None if there is no such file. Raise OSError if it is a link, or too large."""
        with self._opened() as folder:
            return _read(folder, file)

    def summaries(self) -> Iterator[tuple[MappingFileName, str, os.stat_result | None]]:
        """Yield the name, the version and the status (os.stat) of each mapping file.

        If a file cannot be read, its version is "" and its status is None.
        """
        known, self._versions = self._versions, {}
        for names in self.files():
            path = self.path / names.file
            try:
                # Only files that have changed since the last call are read.
                signature = signatures([path])[path]
                version = known.get((names.file, signature)) or version_of(self.shown(names.file))
                yield names, version, path.stat()
            except (RequestError, OSError, KeyError):
                yield names, "", None
            else:
                self._versions[names.file, signature] = version

    def shown(self, file: str) -> bytes | None:
        """Return a file's content for the page, or None if there is no such file. Raise RequestError.

        Links to files within the folder are followed, because Kubernetes mounts a ConfigMap as such links.
        """
        path = self.path / file
        try:
            if not path.is_symlink():
                return self.read(file)
            if not path.resolve().is_relative_to(self.path.resolve()):
                why = f"{file} is a link to a file outside the folder of the mappings: it is not shown"
                raise RequestError(403, why)
            return read_bytes(path, MAX_DOCUMENT_BYTES)
        except FileProblem as error:
            raise RequestError(409, f"{file}: {error}") from error
        except OSError as error:
            raise RequestError(409, f"{file}: cannot be read: {error.strerror or error}") from error

    def read_only_reason(self) -> str:
        """Return the reason why no file of the folder can be edited, or "" if files can be edited."""
        if (self.path / _DATA_LINK).is_symlink():
            return "the folder is a mounted ConfigMap or Secret: change it in Kubernetes"
        # access(2) also detects read-only file systems, even for root.
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            return f"the bridge may not write to the folder {self.path}"
        return ""

    def file_read_only_reason(self, file: str) -> str:
        """Return the reason why one file cannot be edited, or "" if it can be edited."""
        try:
            status = os.lstat(self.path / file)
        except OSError as error:
            return f"{file}: {error.strerror}"
        if stat.S_ISLNK(status.st_mode):
            return f"{file} is a link: edit the file to which it points"
        if not stat.S_ISREG(status.st_mode):
            return f"{file} is not a regular file"
        if os.geteuid() not in {0, status.st_uid}:
            return f"{file} belongs to another user (uid {status.st_uid}): saving it would change its owner"
        return ""

    def write(self, file: str, text: bytes, expected: str) -> None:
        """Write a file atomically, with the mode and owner of the file that it replaces.

        `expected` is the version of the file to replace, "" for a new file. Raise Conflict, OSError.
        """
        # The bridge does not load files whose names begin with a dot, so it never loads the incomplete file.
        new = f".{file}.new"
        with self._opened() as folder:
            _remove(folder, new)
            try:
                _write_new(folder, new, text, file)
                _expect(folder, file, expected)
                os.replace(new, file, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                _remove(folder, new)
                raise
            # Without fsync of the folder, a power failure could undo the replacement.
            os.fsync(folder)

    def rename(self, file: str, to: str, expected: str) -> None:
        """Rename a file that has this version. No file may have the new name. Raise Conflict, OSError."""
        with self._opened() as folder:
            _expect(folder, file, expected)
            # rename(2) would replace an existing file without an error.
            if _status(folder, to) is not None:
                raise FileExistsError(errno.EEXIST, "a file of this name exists", to)
            os.rename(file, to, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)

    def remove(self, file: str, expected: str) -> None:
        """Remove a file that has this version. Raise Conflict, OSError."""
        with self._opened() as folder:
            _expect(folder, file, expected)
            os.unlink(file, dir_fd=folder)
            os.fsync(folder)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield folder
        finally:
            os.close(folder)


def _read(folder: int, file: str) -> bytes | None:
    try:
        opened = os.open(file, _READ, dir_fd=folder)
    except FileNotFoundError:
        return None
    with os.fdopen(opened, "rb") as stream:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", file)
        # One byte more than the maximum shows that the file is too large, even if it grows while it is read.
        text = stream.read(MAX_DOCUMENT_BYTES + 1)
    if len(text) > MAX_DOCUMENT_BYTES:
        raise OSError(errno.EFBIG, f"larger than {MAX_DOCUMENT_BYTES:,} bytes", file)
    return text


def _expect(folder: int, file: str, expected: str) -> None:
    """Raise Conflict if the file has another version. Call this function immediately before the change."""
    present = _read(folder, file)
    if version_of(present) != expected:
        raise Conflict(present)


def _status(folder: int, file: str) -> os.stat_result | None:
    try:
        return os.stat(file, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _write_new(folder: int, file: str, text: bytes, replaces: str) -> None:
    """Write a file with the mode and owner of the replaced file, and wait until it is on disk."""
    old = _status(folder, replaces)
    # Until the new file has the mode of the old file, other users must not be able to read it.
    with os.fdopen(os.open(file, _CREATE, 0o666 if old is None else 0o600, dir_fd=folder), "wb") as opened:
        opened.write(text)
        opened.flush()
        if old is not None:
            mine = os.fstat(opened.fileno())
            # Only root may give a file to another owner. For other users, `file_read_only_reason` has refused the edit.
            if (mine.st_uid, mine.st_gid) != (old.st_uid, old.st_gid):
                os.fchown(opened.fileno(), old.st_uid, old.st_gid)
            # fchown clears the set-user-ID bits (chown(2)), so the mode is set after the owner.
            os.fchmod(opened.fileno(), stat.S_IMODE(old.st_mode))
            _copy_attributes(folder, replaces, opened.fileno())
        os.fsync(opened.fileno())


def _copy_attributes(folder: int, file: str, new: int) -> None:
    """Copy extended attributes, such as access control lists, if the file system supports them."""
    with contextlib.suppress(OSError), os.fdopen(os.open(file, _READ, dir_fd=folder), "rb") as old:
        for name in os.listxattr(old.fileno()):
            with contextlib.suppress(OSError):
                os.setxattr(new, name, os.getxattr(old.fileno(), name))


def _remove(folder: int, file: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(file, dir_fd=folder)
