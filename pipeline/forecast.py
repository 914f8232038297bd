"""How far a batch is and how long the rest of a run will take, from what its steps tell the tally."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipeline.tally import RECORD, TALLY_SUFFIX, Sizes


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a batch that is counted: `name` is what steps tell the tally, `label` what people read.

    `sizes` may be a function where they become known only while the batch runs (`planned`): it is asked until then.
    """

    name: str
    label: str
    unit: Literal["bytes", "rows", "files"]
    sizes: Sizes | Callable[[], Sizes | None]


@dataclass(slots=True)
class PhaseCount:
    """How far a phase is. Times are of the clock that was passed; `total` is None until the sizes are known.

    `first` is when the first items were seen, and how much they were.
    """

    phase: Phase
    total: int | None = None
    done: int = 0
    began: float | None = None
    ended: float | None = None
    first: tuple[float, int] | None = None
    _sizes: Sizes | None = None
    _items: set[int] = field(default_factory=set)
    _left: int = 0

    def learn(self, sizes: Sizes) -> None:
        """Takes the sizes in; items told before count now."""
        self._sizes = sizes
        self.total = sum(sizes.values())
        self.done = sum(sizes.get(item, 0) for item in self._items)
        self._left = sum(item not in self._items for item in sizes)

    def tell(self, item: int) -> None:
        """Counts an item, once."""
        if item in self._items:
            return
        self._items.add(item)
        if self._sizes is not None and item in self._sizes:
            self.done += self._sizes[item]
            self._left -= 1

    def complete(self) -> None:
        """Counts every item as done."""
        if self.total is not None:
            self.done, self._left = self.total, 0

    @property
    def is_complete(self) -> bool:
        """Whether every item is done."""
        return self.total is not None and self._left == 0

    @property
    def has_items(self) -> bool:
        """Whether any item is done."""
        return bool(self._items)

    def seconds(self, now: float) -> float:
        """How long it has been at work."""
        return 0.0 if self.began is None else max((self.ended if self.ended is not None else now) - self.began, 0.0)

    def cost(self, now: float) -> float | None:
        """Seconds a unit, so far; as soon as that can be told without what it took to start, and the first items."""
        if not self.done:
            return None
        at, done = self.first or (now, self.done)
        return (now - at) / (self.done - done) if self.done > done else self.seconds(now) / self.done


class BatchCount:
    """How far a batch is: polls its tally files and its phases, which follow one another."""

    def __init__(self, folder: str, phases: Sequence[Phase], now: float) -> None:
        self.folder = folder
        self.started = now
        self.counts = {phase.name: PhaseCount(phase) for phase in phases}
        self._offsets: dict[str, int] = {}
        self._free_since = now
        for phase in phases:
            if not callable(phase.sizes):
                self.counts[phase.name].learn(phase.sizes)

    def poll(self, now: float) -> None:
        """Reads what is new."""
        for phase, item in self._records():
            if phase in self.counts:
                self.counts[phase].tell(item)
        for name, count in self.counts.items():
            sizes = count.phase.sizes
            if count.total is None and callable(sizes):
                found = sizes()
                if found is not None:
                    self.learn(name, found, now)
        self._mark_times(now)

    def learn(self, phase: str, sizes: Sizes, now: float) -> None:
        """The sizes of a phase have become known: what was done before it ends here."""
        self.counts[phase].learn(sizes)
        self._free_since = now

    def complete(self, now: float) -> None:
        """The batch is through, so all its items are done, told or not."""
        for count in self.counts.values():
            count.complete()
        self._mark_times(now)

    def _mark_times(self, now: float) -> None:
        earlier_ended = True
        for count in self.counts.values():
            if count.began is None:
                if earlier_ended and count.total is not None:
                    count.began = self._free_since
                elif count.has_items:
                    count.began = now
            if count.first is None and count.done:
                count.first = now, count.done
            if count.ended is None and count.is_complete:
                count.ended = self._free_since = now
            earlier_ended = earlier_ended and count.ended is not None

    def _records(self) -> Iterator[tuple[str, int]]:
        try:
            with os.scandir(self.folder) as entries:
                files = sorted(
                    (entry.path, entry.name.partition(".")[0], entry.stat().st_size)
                    for entry in entries
                    if entry.name.endswith(TALLY_SUFFIX)
                )
        except FileNotFoundError:  # a folder that has gone with its batch
            return
        for path, phase, size in files:
            start = self._offsets.get(path, 0)
            end = size - size % RECORD.size
            if end > start:
                try:
                    with open(path, "rb") as file:
                        file.seek(start)
                        data = file.read(end - start)
                except FileNotFoundError:
                    continue
                self._offsets[path] = start + len(data)
                for (item,) in RECORD.iter_unpack(data):
                    yield phase, item


@dataclass(frozen=True, slots=True)
class Remaining:
    """Seconds until the run ends; a lower bound, where something that it depends on has not been seen yet."""

    seconds: float
    is_bound: bool


@dataclass(frozen=True, slots=True)
class _Past:
    """A finished batch: its bytes and seconds, and of each phase total and seconds."""

    bytes: int
    seconds: float
    phases: dict[str, tuple[int, float]]


class Forecast:
    """Learns from the batches of a run how long the rest will take.

    What is left of the batch at hand is, phase by phase, units left times seconds a unit: at first as in earlier
    batches, then more and more as in this one, whose first units come late, since it has to start. The batches to come
    take the seconds a byte of the earlier ones, else of this one; with `reads_ahead` what it took to read the first one
    does not come again. No guess is made for what was never seen: the answer
    is then a lower bound and says so.
    """

    def __init__(self, batch_bytes: Sequence[int], reads_ahead: bool = False) -> None:
        self._batch_bytes = batch_bytes
        self._reads_ahead = reads_ahead
        self._past: list[_Past] = []

    def finish(self, number: int, batch: BatchCount, now: float) -> None:
        """Batch `number` (from 1) is done."""
        phases = {name: (count.total or 0, count.seconds(now)) for name, count in batch.counts.items()}
        self._past.append(_Past(self._batch_bytes[number - 1], now - batch.started, phases))

    def remaining(self, number: int, batch: BatchCount, now: float) -> Remaining:
        """What is left of the run while batch `number` (from 1) is at work."""
        size = self._batch_bytes[number - 1]
        to_come = sum(self._batch_bytes[number:])
        past_bytes = sum(past.bytes for past in self._past)
        past_seconds = sum(past.seconds for past in self._past)
        left, is_bound = 0.0, False
        for name, count in batch.counts.items():
            cost = count.cost(now)
            total = count.total
            seen = sum(past.phases.get(name, (0, 0.0))[0] for past in self._past)
            if total is None and past_bytes:
                total = round(seen * size / past_bytes)
            if seen:
                usual = sum(past.phases[name][1] for past in self._past) / seen
                cost = usual if cost is None or not total else usual + (cost - usual) * count.done / total
            if count.is_complete or total == 0:
                continue
            if cost is None or total is None:
                is_bound = True
            else:
                left += cost * max(total - count.done, 0)
        if past_bytes:  # what no phase counts: starting, deduplicating, committing
            uncounted = past_seconds - sum(seconds for past in self._past for _, seconds in past.phases.values())
            spent = now - batch.started - sum(count.seconds(now) for count in batch.counts.values())
            left += max(uncounted * size / past_bytes - max(spent, 0.0), 0.0)
            left += (past_seconds - self._waited()) * to_come / past_bytes
        elif to_come and size:
            left += (now - batch.started + left) * to_come / size
        return Remaining(left, is_bound)

    def _waited(self) -> float:
        """Seconds in which nothing but the first batch was read, where the others are while an earlier one is done."""
        return self._past[0].phases.get("read", (0, 0.0))[1] if self._reads_ahead else 0.0
