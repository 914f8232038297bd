"""The row of a run: counts, settings, versions and durations. The only place that a clock reaches."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.dataset.batch import ParquetSettings, RunSoFar
from pipeline.dataset.layout import PARTITIONED_TABLES, RUNS, run_file
from pipeline.dataset.manifests import Manifest
from pipeline.dataset.storage import Storage
from pipeline.dataset.tables import RUNS as RUNS_SCHEMA
from pipeline.meter import StepCost
from pipeline.sinks.parquet import write_parquet

COUNTS = ("documents", "parsed", "unchanged", "removed", "articles", "duplicates", "revisions", "links")


def after_batch(run: RunSoFar, manifest: Manifest, now: int) -> RunSoFar:
    """The run with one more batch committed. `now` is in microseconds."""
    before = run.row or _first_row(run)
    committed = before["batches"][-1]["committed"] if before["batches"] else run.started
    counts = counts_of(manifest)
    dead = Counter({(it["step"], it["reason"]): it["count"] for it in before["dead_letters"]})
    dead.update(dead_letters_of(manifest))
    row = before | {name: before[name] + counts[name] for name in COUNTS}
    row |= {
        "finished": now if run.last else None,
        "seconds": (now - run.started) / 1e6,
        "units": before["units"] + len(manifest.units),
        "bytes": before["bytes"] + sum(file.bytes for file in manifest.added),
        "dead_letters": [
            {"step": step, "reason": reason, "count": count} for (step, reason), count in sorted(dead.items())
        ],
        "batches": [
            *before["batches"],
            {
                "batch": manifest.batch,
                "sequence": manifest.sequence,
                "units": len(manifest.units),
                "seconds": (now - committed) / 1e6,
                "committed": now,
            },
        ],
        "steps": _steps(before["steps"], handed_on(manifest), {}),
    }
    return replace(run, row=row)


def with_costs(run: RunSoFar, costs: Mapping[str, StepCost]) -> RunSoFar:
    """The run with what the steps of its last batch cost, which is known when that is committed."""
    nothing_more = {step["step"]: 0 for step in run.row["steps"]}
    return replace(run, row=run.row | {"steps": _steps(run.row["steps"], nothing_more, costs)})


def costs_of(run: RunSoFar) -> dict[str, StepCost]:
    """What the steps of the run cost so far."""
    return {step["step"]: StepCost(step["seconds"], step["peak_bytes"]) for step in run.row["steps"]}


def nothing_done(run: RunSoFar, now: int) -> RunSoFar:
    """The run that found nothing to do."""
    row = (run.row or _first_row(run)) | {"finished": now, "seconds": (now - run.started) / 1e6}
    return replace(run, row=row)


def counts_of(manifest: Manifest) -> dict[str, int]:
    """What became of the documents and articles of a batch, by the names of `COUNTS`."""
    counts = manifest.counts
    return {
        "documents": counts.get("documents", 0),
        "parsed": counts.get("parsed", 0),
        "unchanged": counts.get("unchanged", 0) + counts.get("excerpts", 0),
        "removed": counts.get("removed", 0),
        "articles": counts.get("articles", 0),
        "duplicates": counts.get("duplicates_exact", 0) + counts.get("duplicates_near", 0),
        "revisions": counts.get("revisions", 0),
        "links": counts.get("links", 0),
    }


def handed_on(manifest: Manifest) -> dict[str, int]:
    """What each step of a batch handed on, in the order of the flow.

    Read documents, Parse entries, Normalize and Stage articles, Deduplicate, Enrich and Write rows, Commit files.
    """
    articles = manifest.counts.get("parsed", 0)
    refused = sum(count for (step, _), count in dead_letters_of(manifest).items() if step == "Normalize")
    rows = sum(file.rows for file in manifest.added if file.table in PARTITIONED_TABLES)
    elements = {
        "Read": manifest.counts.get("documents", 0),
        "Parse": articles + refused,
        "Normalize": articles,
        "Stage": articles,
        "Deduplicate": rows,
        "Enrich": rows,
        "Write": rows,
        "Commit": len(manifest.added),
    }
    if not manifest.settings.get("enrich", {}).get("enabled", True):
        del elements["Enrich"]
    return elements


def _steps(
    before: Sequence[Mapping[str, Any]], elements: Mapping[str, int], costs: Mapping[str, StepCost]
) -> list[dict[str, Any]]:
    """The steps of the run, after a batch that handed on these elements at these costs."""
    earlier = {step["step"]: step for step in before}
    steps = []
    for step, count in elements.items():
        so_far = earlier.get(step, {"elements": 0, "seconds": None, "peak_bytes": None})
        cost = costs.get(step, StepCost())
        seconds = [it for it in (so_far["seconds"], cost.seconds) if it is not None]
        peaks = [it for it in (so_far["peak_bytes"], cost.peak_bytes) if it is not None]
        steps.append(
            {
                "step": step,
                "elements": so_far["elements"] + count,
                "seconds": sum(seconds) if seconds else None,
                "peak_bytes": max(peaks, default=None),
            }
        )
    return steps


DEAD = "dead_letters:"
"""How a manifest's counts name dead letters: `dead_letters:<step>:<reason>`."""


def dead_letters_of(manifest: Manifest) -> dict[tuple[str, str], int]:
    """Dead letters of a batch by step and reason."""
    named = {name.removeprefix(DEAD): count for name, count in manifest.counts.items() if name.startswith(DEAD)}
    return {(step, reason): count for (step, _, reason), count in ((key.partition(":"), n) for key, n in named.items())}


def write_run(storage: Storage, run: RunSoFar) -> None:
    """Writes the row of the run, in place of the one as the batch before left it."""
    row: Mapping[str, Any] = run.row | {"versions": list(run.versions)}
    table = pa.Table.from_pylist([row], schema=RUNS_SCHEMA)
    write_parquet(storage, RUNS, run_file(run.name), table, ParquetSettings())


def read_run(storage: Storage, run: RunSoFar) -> RunSoFar:
    """The run as its last batch left it."""
    row = pq.read_table(io.BytesIO(storage.read(run_file(run.name)))).to_pylist()[0]
    row["started"] = _micros(row["started"])
    row["finished"] = _micros(row["finished"])
    for batch in row["batches"]:
        batch["committed"] = _micros(batch["committed"])
    return replace(run, row=row)


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _first_row(run: RunSoFar) -> dict[str, Any]:
    return {
        "run": run.name,
        "started": run.started,
        "finished": None,
        "seconds": 0.0,
        "runner": run.runner,
        "units": 0,
        **dict.fromkeys(COUNTS, 0),
        "dead_letters": [],
        "bytes": 0,
        "batches": [],
        "steps": [],
        "settings": run.settings,
    }
