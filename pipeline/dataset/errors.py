"""What is wrong with a dataset, in words for its owner. All are the user's to mend, none a defect of the program.

    DatasetError (Exception)
     ├─ CommitConflict    another writer has taken the number of this manifest
     ├─ DatasetLocked     another run holds the lock
     ├─ SegmentMissing    a segment of the index is not there
     └─ QueryError        the SQL cannot be run
What a disk or a store refuses is a StorageError (`pipeline.dataset.storage`).
Messages quote names and contents that others wrote, so they hold no character that a terminal would obey.
"""


def printable(text: str) -> str:
    """The text with whatever is no visible character escaped: control characters, turns of direction, half bytes."""
    return text if text.isprintable() else "".join(it if it.isprintable() else ascii(it)[1:-1] for it in text)


class DatasetError(Exception):
    """The dataset cannot be used as it stands: the message names the file, the cause and the remedy, in one line."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class CommitConflict(DatasetError):
    """Another writer has committed first: nothing of this batch counts, and the next run does it again."""

    def __init__(self, winner: str, batch: str) -> None:
        """`winner` says what was committed, and `batch` what was being made."""
        super().__init__(
            f"{winner} was committed by another run while batch {batch} was being made; nothing of the latter counts. "
            "Run the same command again: it goes on after what is committed."
        )


class DatasetLocked(DatasetError):
    """Another run holds the lock: the message names its process and host."""


class SegmentMissing(DatasetError):
    """A segment of the index that a manifest names is not there: lost, or merged by another run meanwhile."""


class QueryError(DatasetError):
    """The SQL cannot be run: one line with the place, and the nearest names where one is unknown."""
