"""Where a batch keeps its blocks until it is committed: a folder of its own, removed as a whole.

Nothing waits for the disk here, since all of it can be made again; but what a disk has damaged in between must not
reach a data file. So each file ends in 8 bytes, the CRC-32 of what is before them, which a process checks when it
opens the file for the first time, and nobody else ever sees.
"""

import functools
import hashlib
import io
import socket
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

import pyarrow as pa

from pipeline.dataset.errors import DatasetError
from pipeline.dataset.layout import STAGING
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import Storage
from pipeline.dataset.stores import open_storage

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_TRAILER_BYTES = 8

_REMEMBERED_FILES = 1 << 16


@dataclass(frozen=True, slots=True)
class StagedBlocks:
    """A BlockStore in a folder of a storage."""

    storage: Storage
    folder: str

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Stores the bytes under the name, whole or not at all."""
        trailer = zlib.crc32(data).to_bytes(_TRAILER_BYTES, "little")
        self.storage.write(f"{self.folder}/{name}", data, durable=False, trailer=trailer)

    def open(self, name: str) -> BinaryIO:
        """Opens it for reading with seek; a local file is mapped.

        Raises DatasetError where it is missing, or not what was written.
        """
        place = f"{self.folder}/{name}"
        _raise_unless_sound(self.storage, place)
        file = self.storage.open(place)
        if isinstance(file, pa.NativeFile):
            return cast("BinaryIO", pa.BufferReader(file.read_buffer(file.size() - _TRAILER_BYTES)))
        return io.BufferedReader(_WithoutTrailer(file))

    def drop(self) -> None:
        """Deletes them all."""
        self.storage.delete_folder(self.folder)


@dataclass(frozen=True, slots=True)
class Staging:
    """The folder in which the batches of one dataset are staged."""

    storage: Storage
    folder: str
    is_locked: bool

    def blocks(self, batch: str) -> StagedBlocks:
        """Where this batch keeps its blocks."""
        return StagedBlocks(self.storage, f"{self.folder}/{batch}")

    def clear(self) -> None:
        """Deletes what killed runs have left, where the lock of the dataset tells that nobody else is at work."""
        if self.is_locked:
            self.storage.delete_folder(self.folder)

    def raise_unless_writable(self) -> None:
        """Raises StorageError where nothing can be staged."""
        probe = f"{self.folder}/probe"
        self.storage.write(probe, b"", durable=False)
        self.storage.delete(probe)


def staging_of(dataset: Storage, elsewhere: str | None) -> Staging:
    """Where a dataset is staged: in its own folder, or below another one, which other datasets may share."""
    is_local = isinstance(dataset, LocalStorage)
    if elsewhere is None:
        return Staging(dataset, STAGING, is_local)
    place = f"{socket.gethostname() if is_local else ''} {dataset.location}"
    name = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Staging(open_storage(elsewhere), f"{STAGING}/{name}", is_local)


@functools.lru_cache(maxsize=_REMEMBERED_FILES)  # of those that raise it remembers none
def _raise_unless_sound(storage: Storage, place: str) -> None:
    """Compares bytes and checksum, once a process: a file is opened for each data file that takes rows of it."""
    again = "so its batch was not committed. Run the same command again: it does the batch anew."
    try:
        with storage.open(place) as file:
            data = memoryview(file.read_buffer() if isinstance(file, pa.NativeFile) else file.read()).cast("B")
    except FileNotFoundError:
        raise DatasetError(f"{storage.where(place)}: gone since it was written, {again}") from None
    if zlib.crc32(data[:-_TRAILER_BYTES]).to_bytes(_TRAILER_BYTES, "little") != data[-_TRAILER_BYTES:]:
        raise DatasetError(f"{storage.where(place)}: damaged since it was written, {again} Check the disk.")


class _WithoutTrailer(io.RawIOBase):
    """A file of an object store up to the trailer: what is read is asked for piece by piece."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self._size = file.seek(-_TRAILER_BYTES, io.SEEK_END)
        file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END:
            return self._file.seek(self._size + offset)
        return self._file.seek(offset, whence)

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer).cast("B")
        left = max(0, self._size - self._file.tell())
        data = self._file.read(min(left, len(target)))
        target[: len(data)] = data
        return len(data)
