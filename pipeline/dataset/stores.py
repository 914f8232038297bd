"""Which storage a location means."""

import os

from pipeline.dataset.local import LocalStorage
from pipeline.dataset.storage import GCS_SCHEME, Storage, StorageError


def open_storage(location: str) -> Storage:
    """The storage at a local directory (made when first written to) or gs://bucket/prefix."""
    if location.startswith(GCS_SCHEME):
        from pipeline.dataset.gcs import GcsStorage

        bucket, _, prefix = location.removeprefix(GCS_SCHEME).partition("/")
        if not bucket:
            raise StorageError(f"{location}: no bucket named. Write gs://BUCKET/PREFIX.")
        return GcsStorage(bucket, prefix.strip("/"))
    scheme, mark, _ = location.partition("://")
    if mark and scheme.isalnum():
        raise StorageError(f"{location}: {scheme}:// is not supported. Give a local directory or gs://BUCKET/PREFIX.")
    if "\0" in location:
        raise StorageError(f"{location!r}: a path cannot hold a zero byte. Give another directory.")
    if not location:
        raise StorageError("No place given: the location is empty. Give a local directory or gs://BUCKET/PREFIX.")
    root = os.path.abspath(os.path.expanduser(location))
    if os.path.exists(root) and not os.path.isdir(root):
        raise StorageError(f"{root}: is a file, not a directory. Give another directory, or move the file away.")
    return LocalStorage(root)
