"""What killed and failed runs leave behind: it does not count, and it takes room until the next run deletes it."""

from pipeline.dataset.commits import DatasetState, read_manifests
from pipeline.dataset.layout import FLAT_TABLES, INDEX, PARTITIONED_TABLES, is_named_by_batch
from pipeline.dataset.storage import Storage


def delete_leftovers(storage: Storage, state: DatasetState, is_alone: bool) -> None:
    """Deletes what no manifest names; `state` is what the newest one says.

    Where nobody else writes (`is_alone`: under the lock of a local root) these are the files of batches that were never
    committed, and temporary files. Anywhere they are the files that the newest manifest has replaced: a run may have
    been killed right after it, and before each earlier manifest they were deleted so. What has another name than
    batches give is somebody else's, and stays.
    """
    for manifest in read_manifests(storage, after=max(0, state.sequence - 1)):
        for path in manifest.removed:
            storage.delete(path)
    if is_alone:
        live = {file.path for files in state.files.values() for file in files}
        for folder in (*PARTITIONED_TABLES, *FLAT_TABLES, INDEX):
            for listed in storage.files(folder):
                if listed.name not in live and is_named_by_batch(listed.name):
                    storage.delete(listed.name)
        storage.delete_leftovers()
