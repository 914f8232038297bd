"""Removal: tombstones for articles that must go. Views and runs honour them at once; `compact` erases what is there."""

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.dataset.commits import commit, next_manifest
from pipeline.dataset.errors import DatasetError
from pipeline.dataset.index import ROW_KIND, Index
from pipeline.dataset.manifests import batch_name
from pipeline.dataset.storage import Storage
from pipeline.dataset.writing import held_dataset

_ID_DIGITS = 32
_NAMED_IDS = 5


class RemovalError(DatasetError):
    """What was named cannot be removed; nothing was written."""


@dataclass(frozen=True, slots=True)
class Removed:
    """The ids that have got a tombstone, those that had one before, and how many are still to be erased."""

    ids: tuple[str, ...]
    before: tuple[str, ...]
    pending: int


def remove_articles(storage: Storage, ids: Sequence[str], say: Callable[[str], None]) -> Removed:
    """Commits tombstones for the articles with these ids; without effect on those that have one.

    Raises RemovalError, before anything is written, where one is no id or the id of no article. `say` gets one line
    where a stale lock was taken over.
    """
    wanted = sorted({it.lower() for it in ids})
    malformed = [it for it in wanted if len(it) != _ID_DIGITS or not set(it) <= set(string.hexdigits)]
    if malformed:
        raise RemovalError(f"not an id: {_some(malformed)}. An id has {_ID_DIGITS} hex digits, see the column `id`.")
    with held_dataset(storage, say) as state:
        new = [it for it in wanted if it not in state.tombstones]
        found = Index(storage, state.segments()).find("id", [bytes.fromhex(it) for it in new])
        known = {entry.id.hex() for entry in found if entry.kind == ROW_KIND}
        unknown = [it for it in new if it not in known]
        if unknown:
            raise RemovalError(f"{storage.location}: no article has the id {_some(unknown)}. Nothing was removed.")
        if new:
            name = batch_name(state.parent, (), {"remove": new})
            commit(storage, next_manifest(state, name, (), {}, 0, {}, (), tombstones=new))
        before = [it for it in wanted if it in state.tombstones]
        return Removed(tuple(new), tuple(before), len(state.pending.union(new)))


def _some(ids: Sequence[str]) -> str:
    more = len(ids) - _NAMED_IDS
    return ", ".join(it[:80] for it in ids[:_NAMED_IDS]) + (f" and {more:,} more" if more > 0 else "")
