"""The one seam through which everything is read and written: local disks and object stores look the same.

No append, no rename, no listing that must be complete at once; exclusive creation is the only special power.
The stores themselves: `pipeline.dataset.local`, `pipeline.dataset.gcs`; which of them: `pipeline.dataset.stores`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from pipeline.dataset.errors import printable

GCS_SCHEME = "gs://"


class AlreadyExists(Exception):
    """Exclusive creation lost: the name is taken by other bytes."""


class StorageError(OSError):
    """A store refused: the message names the place, the cause and what to do. A user's message, not a defect."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a listing: its name relative to the root, and its size in bytes.

    `updated` is when an object store got it, in seconds since 1970; disks say None.
    """

    name: str
    size: int
    updated: float | None = field(default=None, compare=False)


class Storage(Protocol):
    """Files under one root. Names are relative, with /.

    A value: it pickles (clients are made on first use in each process), and is equal to another with the same root.

    Whatever the store refuses is a `StorageError`; a file that is not there is a FileNotFoundError where it is read.
    """

    def __hash__(self) -> int: ...

    @property
    def location(self) -> str:
        """The root as people write it: an absolute path or gs://bucket/prefix."""
        ...

    def where(self, name: str) -> str:
        """The name as people and other programs open it: an absolute path or gs://bucket/prefix/name."""
        ...

    def files(self, folder: str = "") -> Iterator[Listed]:
        """Every file below the folder, sorted by name; nothing where the folder does not exist.

        Unfinished temporary files are no files.
        """
        ...

    def size(self, name: str) -> int | None:
        """Its size in bytes; None where it does not exist."""
        ...

    def checksum(self, name: str) -> str | None:
        """The checksum that the store itself keeps ("crc32c:…"), got without reading; None where it keeps none."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Opens for reading, with seek; a local file is mapped. FileNotFoundError where it does not exist."""
        ...

    def read(self, name: str) -> bytes:
        """The whole content. FileNotFoundError where it does not exist."""
        ...

    def write(self, name: str, data: bytes | memoryview, durable: bool = True, trailer: bytes = b"") -> None:
        """Stores the bytes under the name, whole or not at all; replaces what was there.

        `durable` waits until the disk has them (staging does not need it); `trailer` follows them.
        """
        ...

    def create(self, name: str, data: bytes) -> None:
        """Stores the bytes under a name that must be free, atomically. AlreadyExists where others hold it.

        Its own success, retried after a lost reply, is a success: the content is compared.
        """
        ...

    def delete(self, name: str) -> None:
        """Deletes it; that it does not exist is no error."""
        ...

    def delete_folder(self, folder: str) -> None:
        """Deletes all below the folder, and the folder."""
        ...

    def delete_leftovers(self) -> int:
        """Deletes the temporary files of writers that were killed, and counts them. Only under the dataset's lock."""
        ...


def is_safe_name(name: str) -> bool:
    """Whether the name stays under its root: relative, with /, without empty, . and .. parts."""
    return (
        bool(name)
        and "\\" not in name
        and "\0" not in name
        and all(part not in ("", ".", "..") for part in name.split("/"))
    )


def checked_name(name: str) -> str:
    """The name itself. ValueError where it could leave its root: a defect of the caller, never a user's mistake."""
    if not is_safe_name(name):
        raise ValueError(f"not a name relative to a root: {name!r}")
    return name
