"""`beamwire` in this process, with a watch on the index: what each look-up took.

    python -m tests.benchmarks.lookups FILE run PATH --output DIR …

Each call of a public method of `Index` becomes a line of JSON in FILE: its name, wall seconds, how many values were
asked for and how many entries were found. A call within a call is a part of it. The run is otherwise the same, so the
records, and with them the questions, are those of `beamwire run`.
"""

import inspect
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import cli
from pipeline.dataset.index import Index


@dataclass(frozen=True)
class Lookup:
    """One question to the index."""

    name: str
    seconds: float
    asked: int
    found: int


def watch(cls: type, log: Path) -> Callable[[], None]:
    """Puts the watch on every public method of the class; gives the function that takes it off again."""
    methods = {name: it for name, it in vars(cls).items() if inspect.isfunction(it) and not name.startswith("_")}
    running: list[str] = []
    for name, method in methods.items():
        setattr(cls, name, _watched(name, method, log, running))

    def unwatch() -> None:
        for name, method in methods.items():
            setattr(cls, name, method)

    return unwatch


def _watched(name: str, method: Callable[..., Any], log: Path, running: list[str]) -> Callable[..., Any]:
    def watched(*arguments: Any, **named: Any) -> Any:
        if running:
            return method(*arguments, **named)
        running.append(name)
        started = time.perf_counter()
        try:
            found = method(*arguments, **named)
        finally:
            running.pop()
        seconds = time.perf_counter() - started
        words = [name, *(one for one in arguments[1:] if isinstance(one, str))]
        asked = [len(one) for one in (*arguments[1:], *named.values()) if not isinstance(one, str) and _counts(one)]
        line = {"name": " ".join(words), "seconds": seconds, "asked": sum(asked), "found": _size(found)}
        with log.open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        return found

    return watched


def _counts(value: object) -> bool:
    return hasattr(value, "__len__")


def _size(value: Any) -> int:
    return len(value) if _counts(value) else 0


def read_lookups(log: Path) -> list[Lookup]:
    """What was written, in order; nothing where nothing was asked."""
    return [Lookup(**json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    log = Path(arguments[0])
    log.unlink(missing_ok=True)
    unwatch = watch(Index, log)
    try:
        return cli.main(arguments[1:])
    finally:
        unwatch()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
