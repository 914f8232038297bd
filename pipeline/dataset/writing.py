"""Whoever changes a dataset that is there holds its lock, and knows its state."""

import contextlib
from collections.abc import Callable, Iterator

from pipeline.dataset.commits import DatasetState, raise_unless_writable, read_state
from pipeline.dataset.errors import DatasetError
from pipeline.dataset.lock import dataset_lock
from pipeline.dataset.storage import Storage


@contextlib.contextmanager
def held_dataset(storage: Storage, say: Callable[[str], None]) -> Iterator[DatasetState]:
    """Holds the lock of the dataset, and gives the state as it is under it.

    Raises DatasetError where there is none or this release cannot change it, DatasetLocked where another run works on
    it. `say` gets one line where a stale lock was taken over.
    """
    if read_state(storage).sequence == 0:  # before the lock, so that a misspelt root makes no folder
        raise DatasetError(f"{storage.location}: no dataset there, nothing is committed. Check the path.")
    with dataset_lock(storage, say):
        state = read_state(storage)
        raise_unless_writable(storage, state)
        yield state
