"""Sweep: what no manifest names is deleted. Batches that were abandoned left it, and merges that were killed.

Only names that we give (`layout`) are touched: whatever else lies in the folders of the dataset is not ours.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from pipeline.dataset.commits import DatasetState, read_manifests
from pipeline.dataset.layout import COMMITTED_FOLDERS, STAGING, is_committed_name
from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import Storage

_DELETE_THREADS = 8


def sweep(
    storage: Storage,
    state: DatasetState,
    abandoned_seconds: float | None = None,
    clock: Callable[[], float] = time.time,
) -> int:
    """Deletes data files, segments and temporary files that no manifest names, and counts them.

    On a local root the caller holds the lock and has read the state under it, so whatever is not named has no owner.
    On an object store others may be writing: there only what is older than `abandoned_seconds` goes, nothing where that
    is None, and at once what a manifest has removed, which nobody can need again.
    """
    is_local = isinstance(storage, LocalStorage)
    if not is_local and abandoned_seconds is None:
        return 0
    live = {file.path for files in state.files.values() for file in files}
    found = [
        listed
        for folder in COMMITTED_FOLDERS
        for listed in storage.files(folder)
        if listed.name not in live and is_committed_name(listed.name)
    ]
    if is_local:
        delete_all(storage, [listed.name for listed in found])
        return len(found) + storage.delete_leftovers()
    oldest = clock() - (abandoned_seconds or 0.0)
    is_young = any(listed.updated is None or listed.updated > oldest for listed in found)
    removed = {path for manifest in read_manifests(storage) for path in manifest.removed} if is_young else set()
    staged = [listed for listed in storage.files(STAGING)]
    names = [
        listed.name
        for listed in [*found, *staged]
        if listed.name in removed or (listed.updated is not None and listed.updated <= oldest)
    ]
    delete_all(storage, names)
    return len(names)


def delete_all(storage: Storage, names: Sequence[str]) -> None:
    """Deletes the files, several at a time."""
    if not names:
        return
    with ThreadPoolExecutor(_DELETE_THREADS) as threads:
        for _ in threads.map(storage.delete, names):
            pass
