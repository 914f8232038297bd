"""Batches as a run makes them, for tests of what happens to one."""

from typing import Any

from pipeline.dataset.batch import Batch, RunSoFar
from pipeline.dataset.commits import read_state
from pipeline.dataset.staging import staging_of
from pipeline.dataset.storage import Storage
from pipeline.tally import NoTally


def batch_after(storage: Storage, name: str, **values: Any) -> Batch:
    """A batch of this name that builds upon what is committed; `values` are its other fields, where they matter."""
    state = read_state(storage)
    usual: dict[str, Any] = {
        "sequence": state.sequence + 1,
        "parent": state.parent,
        "settings": {},
        "rows": state.rows,
        "unit_time": state.unit_time,
        "segments": state.segments(),
        "tombstones": frozenset(),
        "fingerprint": 106,
        "blocks": staging_of(storage, None).blocks(name),
        "tally": NoTally(),
        "run": RunSoFar("run", 0, "DirectRunner", "{}", ()),
        "enriched": False,
        "max_payload_bytes": 10,
    }
    return Batch(name=name, storage=storage, **(usual | values))
