"""Where a batch keeps its blocks until it is committed: a folder of its own, removed as a whole."""

from dataclasses import dataclass
from typing import BinaryIO

from pipeline.dataset.storage import Storage


@dataclass(frozen=True, slots=True)
class StagedBlocks:
    """A BlockStore in a folder of a storage. What it holds can be made again, so nothing waits for the disk."""

    storage: Storage
    folder: str

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Stores the bytes under the name, whole or not at all."""
        self.storage.write(f"{self.folder}/{name}", data, durable=False)

    def open(self, name: str) -> BinaryIO:
        """Opens it for reading with seek."""
        return self.storage.open(f"{self.folder}/{name}")
