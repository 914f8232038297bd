"""Damage: what is wrong with a committed Parquet file, now or while it is read, in words for its owner."""

import contextlib
from collections.abc import Iterator

import pyarrow as pa

from pipeline.dataset.errors import DatasetError
from pipeline.dataset.storage import Storage
from transforms.schemas import DatasetFile

RESTORE = "Restore it from a copy of the dataset."
"""The remedy where nothing else in the dataset tells what was in the file."""


@contextlib.contextmanager
def told_as_damage(
    storage: Storage, file: DatasetFile, remedy: str = RESTORE, missing: type[DatasetError] = DatasetError
) -> Iterator[None]:
    """What goes wrong inside becomes a DatasetError that names file, cause and remedy; `missing` where it is gone."""
    try:
        yield
    except FileNotFoundError:
        raise missing(f"{storage.where(file.path)}: missing, though a manifest names it. {remedy}") from None
    except (pa.ArrowException, EOFError, KeyError, ValueError) as error:  # columns may lack, or have odd names
        raise damaged(storage, file, str(error), remedy) from error
    except OSError as error:
        if type(error) is not OSError:  # a StorageError says more
            raise
        raise damaged(storage, file, str(error), remedy) from error


def damaged(storage: Storage, file: DatasetFile, cause: str, remedy: str = RESTORE) -> DatasetError:
    """The error to raise where the file is not what it was."""
    short = " ".join(cause.split())[:120].rstrip(".")
    return DatasetError(f"{storage.where(file.path)}: damaged ({short}). {remedy}")
