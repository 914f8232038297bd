"""Replay: the payloads of a dataset's dead letters go through today's code again, as a batch of their own.

It reads the files of the table in which something is run again, and takes their place: its own file holds what failed
again, and what was kept, as it was. One manifest says so, so a kill leaves the old state or the new one.
"""

import difflib
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from pipeline.config import Config
from pipeline.dataset.batch import Replay
from pipeline.dataset.commits import raise_unless_comparable, raise_unless_writable, read_state
from pipeline.dataset.errors import DatasetError
from pipeline.dataset.layout import REPLAYED
from pipeline.dataset.storage import Storage
from pipeline.plan import Plan
from pipeline.report import count_text
from pipeline.sources.letters import in_units, letters_of
from transforms.enrich import Model
from transforms.schemas import Unit
from transforms.text.errors import BadInput


class UnknownReason(ValueError):
    """No dead letter can have this reason; the message names those there are."""


def raise_unless_reasons(reasons: Collection[str]) -> None:
    """Raises UnknownReason for the first that no dead letter can have."""
    known = [kind.reason for kind in BadInput.__subclasses__()]
    for reason in reasons:
        if reason not in known:
            near = difflib.get_close_matches(reason, known, n=1, cutoff=0.0)
            raise UnknownReason(
                f"--reason {reason}: there is no such reason, did you mean {near[0]}? There are {', '.join(known)}"
            )


def last_settings(storage: Storage) -> Mapping[str, Any]:
    """The settings of the last batch, as a config takes them.

    Raises DatasetError where there is no dataset, or one that cannot be changed.
    """
    state = read_state(storage)
    if state.sequence == 0:
        raise DatasetError(f"{storage.location}: no dataset there, nothing is committed. Check the path.")
    raise_unless_writable(storage, state)
    return {name: value for name, value in (state.settings or {}).items() if name != "model"}


def plan_replay(config: Config, storage: Storage, reasons: Collection[str], model: Model | None) -> Plan:
    """Plans the one batch of a replay; without batches where no letter can be run again. Writes nothing.

    Reads all dead letters, a file at a time. Raises StorageError, DatasetError.
    """
    state = read_state(storage)
    raise_unless_writable(storage, state)
    reading: list[Unit] = []
    units: list[Unit] = []
    kept: Counter[tuple[str, str]] = Counter()
    causes: Counter[str] = Counter()
    longest = 0
    for file in state.table("dead_letters"):
        first = Unit(
            state.unit_count + len(units),
            file.path,
            storage.where(file.path),
            file.bytes,
            REPLAYED + file.checksum,
        )
        found: dict[int, Unit] = {}
        kept_here: Counter[tuple[str, str]] = Counter()
        longest_here = 0
        for row, (place, cause, letter) in enumerate(in_units(letters_of(storage, file), reasons)):
            longest_here = max(longest_here, len(letter.payload))
            if cause is not None:
                causes[cause] += 1
                kept_here[letter.step, letter.reason] += 1
                continue
            unit = found.get(place) or replace(first, ordinal=first.ordinal + place, size=0, start=row)
            found[place] = replace(unit, size=unit.size + len(letter.payload), end=row + 1)
        if found:
            reading.append(first)
            units += found.values()
            kept += kept_here
            longest = max(longest, longest_here)
    replay = Replay(
        reasons=tuple(sorted(set(reasons))),
        files=tuple(file.name for file in reading),
        letters=sum(file.rows for file in state.table("dead_letters")) - causes.total(),
        kept=tuple((step, reason, count) for (step, reason), count in sorted(kept.items())),
        why_kept=tuple(sorted(causes.items())),
        longest=longest,
    )
    plan = Plan(config, storage, state, (), (tuple(reading),) if reading else (), model, replay, tuple(units))
    raise_unless_comparable(storage, state, plan.fingerprint)
    return plan


def described_replay(replay: Replay) -> str:
    """The plan of a replay for people, in a sentence."""
    kept = sum(count for _, count in replay.why_kept)
    why = f" ({', '.join(f'{count:,} {cause}' for cause, count in replay.why_kept)})" if kept else ""
    if not replay.letters:
        return f"Nothing to replay: of {count_text(kept, 'dead letter')} none can be run again{why}."
    files = count_text(len(replay.files), "file")
    return f"Plan: {count_text(replay.letters, 'dead letter')} of {files} to replay, {kept:,} kept{why}. " + (
        "Nothing is written."
    )
