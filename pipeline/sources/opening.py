"""Opening an input, and telling its bytes apart from others: the checksum, and whether it changed.

Inputs belong to others, who may cut them short at any moment. So a local one is read and not mapped, as the files of a
dataset are: a file that shrinks under a map kills the process.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

from pipeline.dataset.layout import UNREADABLE
from pipeline.dataset.storage import GCS_SCHEME, Storage
from pipeline.dataset.stores import open_storage
from pipeline.sources.compression import PIECE_BYTES
from transforms.schemas import Unit
from transforms.text.errors import UnreadableFile

StorageAt = Callable[[str], Storage]
"""How a location becomes a storage: `open_storage`, or a stand-in."""

SHA256: Final = "sha256:"

_LEAST_BYTES: Final = 1 << 12
_UNAVAILABLE: Final = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""What says that the file is not to be had. Other errors of a system may pass, so they fail the run or its bundle."""


_UNREADABLE: Final = (
    "the file could not be read when the run was planned; see to its permissions, or where its link leads"
)
_CHANGED: Final = "the file changed while the run read it; run again"


class ReadingFailed(Exception):
    """The system failed while an input was read: no bad input, and no OSError that a library could have raised on it.

    It fails the bundle, which a runner may try again.
    """


def is_remote(path: str) -> bool:
    """Whether the path is a gs:// address."""
    return path.startswith(GCS_SCHEME)


def open_input(path: str, storage_at: StorageAt = open_storage) -> BinaryIO:
    """Opens an input by its absolute path or address, with seek. Raises OSError."""
    if is_remote(path):
        parent, _, name = path.rpartition("/")
        return storage_at(parent).open(name)
    return open(path, "rb")


def checksum_of(path: str, storage_at: StorageAt = open_storage) -> str:
    """The checksum that the store keeps, else sha256 of the content. Raises OSError."""
    if is_remote(path):
        parent, _, name = path.rpartition("/")
        kept = storage_at(parent).checksum(name)
        if kept is not None:
            return kept
    digest = hashlib.sha256()
    with open_input(path, storage_at) as file:
        while data := file.read(PIECE_BYTES):
            digest.update(data)
    return SHA256 + digest.hexdigest()


class CheckedInput:
    """An open input that knows whether its bytes are those that were planned.

    `pieces` reads it from the start to the end, hashing; `verify` compares. Where a slice is read, or a checksum is the
    store's own, only the size is compared.
    """

    def __init__(self, unit: Unit) -> None:
        """Opens the file. Raises UnreadableFile."""
        if unit.checksum == UNREADABLE:
            raise UnreadableFile(_UNREADABLE)
        try:
            self.file = _Guarded(open_input(unit.path), unit.path)
        except _UNAVAILABLE as error:
            raise UnreadableFile(f"the file cannot be opened: {_cause(error)}") from None
        self._unit = unit
        whole = unit.end is None
        self._digest = hashlib.sha256() if whole and unit.checksum.startswith(SHA256) else None
        self._verified = False

    def __enter__(self) -> "CheckedInput":
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the file."""
        self.file.close()

    def pieces(self) -> Iterator[bytes]:
        """The bytes, from the start."""
        # No more is asked for than a small file has: it costs more to make room for a piece than to read it.
        asked = min(PIECE_BYTES, max(self._unit.size, _LEAST_BYTES) + 1)
        while data := self.file.read(asked):
            if self._digest is not None:
                self._digest.update(data)
                self._verified = False
            yield data
            if len(data) < asked:
                return

    def pieces_from(self, start: int) -> Iterator[bytes]:
        """The bytes from a position on, which are not hashed."""
        self.file.seek(start)
        while data := self.file.read(PIECE_BYTES):
            yield data

    def require_bytes(self, size: int) -> None:
        """Raises UnreadableFile if the file has fewer bytes by now."""
        if self.file.seek(0, os.SEEK_END) < size:
            raise UnreadableFile(_CHANGED)

    def hash_ahead(self) -> None:
        """Reads all for the checksum and goes back to the start: for formats that are not read in order."""
        if self._digest is not None:
            self.verify()
            self._digest = None
        self.file.seek(0)

    def verify(self) -> None:
        """Raises UnreadableFile if the file is not the one that was planned."""
        if self._digest is not None:
            for _ in self.pieces():
                pass
            changed = not self._verified and SHA256 + self._digest.hexdigest() != self._unit.checksum
            self._verified = not changed
        else:
            size = self.file.seek(0, os.SEEK_END)
            changed = self._unit.end is None and size != self._unit.size
        if changed:
            raise UnreadableFile(_CHANGED)


class _Guarded:
    """A file whose failures are `ReadingFailed`."""

    def __init__(self, file: BinaryIO, path: str) -> None:
        self._file = file
        self._path = path

    @property
    def closed(self) -> bool:
        return self._file.closed

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise self._failed(error) from error

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except OSError as error:
            raise self._failed(error) from error

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()

    def _failed(self, error: OSError) -> ReadingFailed:
        return ReadingFailed(f"{self._path}: {error}. Run the same command again.")


def _cause(error: OSError) -> str:
    return {FileNotFoundError: "it is gone since the run was planned", PermissionError: "no permission"}.get(
        type(error), "it is no file any more"
    )
