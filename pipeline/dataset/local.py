"""Storage on a local disk.

A file appears under its name when it is complete: it is written to a hidden temporary file beside it, which replaces
the name (`write`) or is hard-linked to it (`create`). Where a file system knows no hard links, `create` looks and
replaces under a lock of the folder that the kernel lets go when its holder dies.
"""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from pipeline.dataset.storage import AlreadyExists, Listed, StorageError, checked_name

TEMPORARY_PREFIX = ".tmp-"
"""Names of temporary files begin so; what follows is the process and 64 random bits, so that none collide."""

_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}

_CAUSES = {
    errno.ENOENT: ("there is no such directory, and none can be made there", "Choose another directory"),
    errno.EACCES: ("no permission", "Give yourself access, or choose another directory"),
    errno.EPERM: ("not permitted", "Give yourself access, or choose another directory"),
    errno.EROFS: ("the file system is read-only", "Choose a directory that can be written to"),
    errno.ENOSPC: ("the disk is full", "Make room, then run the same command again: it goes on where it stopped"),
    errno.EDQUOT: ("your quota is used up", "Make room, then run the same command again: it goes on where it stopped"),
    errno.ENOTDIR: ("a part of the path is a file, not a directory", "Choose another directory, or move the file away"),
    errno.EEXIST: ("a part of the path is a file, not a directory", "Choose another directory, or move the file away"),
    errno.EISDIR: ("is a directory, where a file should be", "Move it away"),
    errno.ENAMETOOLONG: ("the path is too long", "Choose a directory with a shorter path"),
    errno.EMFILE: ("too many files are open", "Raise the limit (ulimit -n)"),
    errno.ELOOP: ("symbolic links go round in a circle", "Choose another directory"),
    errno.EIO: ("the disk reports an error", "Check the disk"),
}


@dataclass(frozen=True, slots=True)
class LocalStorage:
    """Files below a local directory, which is made when first written to."""

    root: str

    @property
    def location(self) -> str:
        """The root."""
        return self.root

    def where(self, name: str) -> str:
        """The absolute path of the name."""
        return os.path.join(self.root, *checked_name(name).split("/"))

    def files(self, folder: str = "") -> Iterator[Listed]:
        """Every file below the folder, sorted by name. Symbolic links to folders are not followed."""
        found = []
        for prefix, entry in self._walk(folder):
            if not entry.name.startswith(TEMPORARY_PREFIX):
                with contextlib.suppress(FileNotFoundError):  # deleted in between
                    found.append(Listed(f"{prefix}{entry.name}", entry.stat().st_size))
        yield from sorted(found, key=lambda listed: listed.name)

    def size(self, name: str) -> int | None:
        """Its size in bytes; None where it does not exist."""
        path = self.where(name)
        with _explained(path, "read"):
            try:
                return os.stat(path).st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def checksum(self, name: str) -> str | None:
        """None: disks keep no checksums."""
        checked_name(name)
        return None

    def open(self, name: str) -> BinaryIO:
        """Maps it into memory: nothing is read before it is looked at. FileNotFoundError where it does not exist."""
        import pyarrow as pa

        path = self.where(name)
        with _explained(path, "read"):
            _raise_unless_readable(path)
            return cast("BinaryIO", pa.memory_map(os.fsencode(path)))

    def read(self, name: str) -> bytes:
        """The whole content. FileNotFoundError where it does not exist."""
        path = self.where(name)
        with _explained(path, "read"), open(path, "rb") as file:
            return file.read()

    def write(self, name: str, data: bytes | memoryview, durable: bool = True, trailer: bytes = b"") -> None:
        """Stores the bytes under the name, whole or not at all; replaces what was there."""
        path = self._target(name)
        with _explained(path, "write"), _finished_temporary(path, (data, trailer), durable) as temporary:
            os.replace(temporary, path)
            if durable:
                _sync_folder(os.path.dirname(path))

    def create(self, name: str, data: bytes) -> None:
        """Stores the bytes under a name that must be free, atomically. AlreadyExists where others hold it."""
        path = self._target(name)
        with _explained(path, "write"), _finished_temporary(path, (data,), durable=True) as temporary:
            try:
                taken = not _link(temporary, path)
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS:
                    raise
                taken = not _replace_if_free(temporary, path)
            if taken and self._content(name) != data:
                raise AlreadyExists(path)
            _sync_folder(os.path.dirname(path))

    def _target(self, name: str) -> str:
        """The path of what is to change. StorageError where a folder below the root leads out of it.

        The root itself may be a link, and so may be what is read; a file that is a link is replaced, not followed.
        """
        path = self.where(name)
        folder = self.root
        for part in name.split("/")[:-1]:
            folder = os.path.join(folder, part)
            if os.path.islink(folder):
                raise StorageError(
                    f"Cannot change {path}: {folder} is a symbolic link, and what lies elsewhere is no part of the "
                    "dataset. Put a directory in its place."
                )
        return path

    def _content(self, name: str) -> bytes | None:
        try:
            return self.read(name)
        except FileNotFoundError:  # whoever had it has let it go
            return None

    def delete(self, name: str) -> None:
        """Deletes it; that it does not exist is no error."""
        path = self._target(name)
        with _explained(path, "delete"), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)

    def delete_folder(self, folder: str) -> None:
        """Deletes all below the folder, and the folder."""
        path = self._target(folder)
        with _explained(path, "delete"):
            if os.path.islink(path):
                os.unlink(path)
                return
            for _ in range(3):  # a killed run's last worker may still add a file
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(path)
                if not os.path.lexists(path):
                    return

    def delete_leftovers(self) -> int:
        """Deletes the temporary files of writers that were killed, and counts them. Only under the dataset's lock."""
        leftovers = [entry.path for _, entry in self._walk("") if entry.name.startswith(TEMPORARY_PREFIX)]
        for path in leftovers:
            with _explained(path, "delete"), contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        return len(leftovers)

    def _walk(self, folder: str) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
        """Every file below the folder, in no order, with the name of its folder ("" or "a/b/")."""
        folders = [f"{folder.strip('/')}/" if folder.strip("/") else ""]
        while folders:
            prefix = folders.pop()
            path = self.where(prefix.rstrip("/")) if prefix else self.root
            with _explained(path, "read"):
                try:
                    entries = list(os.scandir(path))
                except FileNotFoundError:
                    continue
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{prefix}{entry.name}/")
                    elif entry.is_file():
                        yield prefix, entry


@contextlib.contextmanager
def _explained(path: str, doing: str) -> Iterator[None]:
    """Says what the operating system refused. What the callers decide on (not found, taken) passes through."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        if isinstance(error, FileNotFoundError) and doing != "write":
            raise
        raise _storage_error(path, doing, error) from error


def _storage_error(path: str, doing: str, error: OSError) -> StorageError:
    if error.errno in _CAUSES:
        cause, remedy = _CAUSES[error.errno]
    else:
        cause, remedy = error.strerror or str(error), "Check the disk and the path"
    return StorageError(f"Cannot {doing} {path}: {cause}. {remedy}.")


def _raise_unless_readable(path: str) -> None:
    """Raises what `open` would, with its number; pyarrow's own errors for folders and permissions carry none."""
    os.close(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)


@contextlib.contextmanager
def _finished_temporary(path: str, parts: Sequence[bytes | memoryview], durable: bool) -> Iterator[str]:
    """The bytes of the parts in a hidden file beside the path, which is gone afterwards."""
    folder = os.path.dirname(path)
    temporary = os.path.join(folder, f"{TEMPORARY_PREFIX}{os.getpid()}-{secrets.token_hex(8)}")
    descriptor = _create_temporary(temporary, durable)
    try:
        with open(descriptor, "wb", buffering=0) as file:
            for part in parts:
                rest = memoryview(part).cast("B")
                while rest:
                    rest = rest[file.write(rest) :]
            if durable:
                os.fsync(file.fileno())
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def _create_temporary(temporary: str, durable: bool) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for attempt in range(10):
        try:
            return os.open(temporary, flags, 0o666)
        except FileNotFoundError:  # the folder is missing, or was deleted in between
            if attempt == 9:
                raise
            _make_folder(os.path.dirname(temporary), durable)
    raise AssertionError("unreachable")


def _make_folder(folder: str, durable: bool) -> None:
    """Makes the folder and those above it; each is on the disk when it returns, if durable."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != folder:
        _make_folder(parent, durable)
    try:
        os.mkdir(folder)
    except FileExistsError:
        if not os.path.isdir(folder):
            raise
    if durable:
        _sync_folder(parent)


def _sync_folder(folder: str) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # some network disks sync no folders
            raise
    finally:
        os.close(descriptor)


def _link(temporary: str, path: str) -> bool:
    """Gives the finished file its name, if the name is free."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    return True


def _replace_if_free(temporary: str, path: str) -> bool:
    """The same without hard links, under a lock of the folder.

    A file that is opened exclusively under its final name would be seen half-written, and would stay so after a crash.
    """
    with folder_lock(os.path.dirname(path)) as locked:
        if not locked:
            raise StorageError(
                f"Cannot write {path}: the file system knows neither hard links nor locks, so two runs could overwrite "
                "each other. Put the dataset onto another disk."
            )
        if os.path.lexists(path):
            return False
        os.replace(temporary, path)
        return True


@contextlib.contextmanager
def folder_lock(folder: str) -> Iterator[bool]:
    """Holds the kernel's lock of a folder among the processes of this host; False where there is no such thing."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield False
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            locked = True
        except OSError:
            locked = False
        yield locked
    finally:
        os.close(descriptor)
