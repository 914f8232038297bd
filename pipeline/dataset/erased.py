"""What the index knows of rows and links that were erased: files of `_removed`, in the form of segments.

The entry of a link says in `cluster`, which such entries do not use, its place among all that links ever gave, counted
from 0 in the order of writing. So those that links still tell are known by their order: theirs are the other places.
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.commits import DatasetState
from pipeline.dataset.index import ROW_KIND
from pipeline.dataset.layout import REMOVED
from pipeline.dataset.segments import entries_of
from pipeline.dataset.storage import Storage
from pipeline.dataset.tables import INDEX

if TYPE_CHECKING:
    from numpy.typing import NDArray


def erased_rows(storage: Storage, state: DatasetState) -> pa.Table:
    """The entries of rows that were erased."""
    kept = _erased(storage, state)
    return kept.filter(pc.equal(kept["kind"], ROW_KIND))


def erased_notes(storage: Storage, state: DatasetState) -> pa.Table:
    """The entries of links that were erased."""
    kept = _erased(storage, state)
    return kept.filter(pc.not_equal(kept["kind"], ROW_KIND))


def places_left(erased: pa.Table, behind: int) -> "NDArray[np.int64]":
    """The places before `behind` of the entries that links still tell, given those of links that were erased."""
    return np.setdiff1d(np.arange(behind), erased["cluster"].to_numpy(), assume_unique=True)


def _erased(storage: Storage, state: DatasetState) -> pa.Table:
    return pa.concat_tables([INDEX.empty_table(), *entries_of(storage, state.table(REMOVED))])
