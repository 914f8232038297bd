"""Runs the plain script and beamwire over the same corpora, by turns, and prints both side by side, as Markdown.

    make bench ARGS="--articles 10000 --seeds 1 2 3 [--format feeds] [--json FILE]"
    python -m tests.benchmarks.run --articles 10000 --seeds 1 2 3

Corpora are made once and kept under the build directory. Each side is a command of its own; which goes first alternates
between seeds and repetitions. Files are read once beforehand, so that both find them in the page cache. Of several
repetitions the median counts; of several seeds times are means and scores are pooled. Hard negatives are articles, too,
where something is said of an article.
"""

import argparse
import json
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.bench import (
    BEAMWIRE,
    BUILD,
    ROOT,
    at_least,
    at_most,
    corpus_folder,
    heading,
    markdown,
    read_once,
    say,
    surroundings,
    words_of,
)
from tests.benchmarks.corpus import FORMATS
from tests.benchmarks.measure import MEMORY_KIND, CommandFailed, Measured, measure, median
from tests.benchmarks.score import SURE, Rate, Score, as_json, read_output, read_truth, score

PLAIN = "{python} -m tests.benchmarks.plain {corpus} {output}"
SIDES = ("plain", "beamwire")

COST_GOALS = {"wall, seconds": 0.5, "CPU of the tree, seconds": 1.0, f"peak {MEMORY_KIND} of the tree, MB": 0.8}
"""The ratios to the script that a run of `COST_GOALS_FROM` articles shall not exceed; the start weighs on fewer."""

COST_GOALS_FROM = 100_000
RATE_GOALS = {"precision": 0.999, "exact": 1.0, f"near, {SURE}": 0.99}
"""The rates that shall be reached, all seeds taken together."""


@dataclass(frozen=True)
class Result:
    """One side over one corpus."""

    measured: Measured
    score: Score
    output_bytes: int


def race(build: Path, folder: Path, form: str, commands: Mapping[str, str], turns: Sequence[int]) -> dict[str, Result]:
    """Runs all commands over one corpus, in each turn once (odd turns backwards), then scores them."""
    inputs = folder / form
    read_once(inputs)
    runs: dict[str, list[Measured]] = {side: [] for side in commands}
    for turn in turns:
        for side in list(commands)[:: -1 if turn % 2 else 1]:
            output = _output(build, folder, side)
            shutil.rmtree(output, ignore_errors=True)
            runs[side].append(
                measure(words_of(commands[side], corpus=inputs, output=output), build / f"{output.name}.log", ROOT)
            )
            say(f"{folder.name} {side}: {runs[side][-1].wall_seconds:.1f} s")
    truth = read_truth(folder / "truth.parquet")
    results = {}
    for side in commands:
        output = _output(build, folder, side)
        size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
        results[side] = Result(median(runs[side]), score(truth, read_output(output, truth)), size)
        shutil.rmtree(output)
    return results


def _output(build: Path, folder: Path, side: str) -> Path:
    return build / f"out-{side}-{folder.name}"


def table(results: Mapping[int, Mapping[str, Result]], articles: int) -> Iterator[str]:
    """The comparison: costs with ratios and what they shall be, then scores pooled over seeds."""
    sides = list(next(iter(results.values())))
    both = len(sides) == 2

    def costs() -> Iterator[list[str]]:
        def mean(read: Callable[[Result], float], side: str) -> float:
            return statistics.fmean(read(seed[side]) for seed in results.values())

        for label, form, read in (
            ("wall, seconds", ",.2f", lambda one: one.measured.wall_seconds),
            ("CPU of the tree, seconds", ",.2f", lambda one: one.measured.cpu_seconds),
            (f"peak {MEMORY_KIND} of the tree, MB", ",.0f", lambda one: one.measured.peak_bytes / 1e6),
            ("CPU an article, µs", ",.0f", lambda one: one.measured.cpu_seconds / articles * 1e6),
            ("articles a second", ",.0f", lambda one: articles / one.measured.wall_seconds),
            ("output, MB", ",.1f", lambda one: one.output_bytes / 1e6),
            ("processes", ",.0f", lambda one: one.measured.processes),
        ):
            values = [mean(read, side) for side in sides]
            ratio = values[1] / values[0] if both and values[0] else None
            goal = COST_GOALS.get(label) if articles >= COST_GOALS_FROM and ratio is not None else None
            yield [
                label,
                *(format(value, form) for value in values),
                "" if ratio is None else f"{ratio:.2f}",
                "" if goal is None or ratio is None else at_most(goal, [ratio]),
            ]

    yield from markdown(["cost", *sides, "ratio", "goal"], list(costs()))
    yield ""
    pooled = [_pooled([seed[side].score for seed in results.values()]) for side in sides]
    yield from markdown(["duplicates", *sides, "goal"], list(_rates(sides, pooled)))


def _rates(sides: Sequence[str], pooled: Sequence[Score]) -> Iterator[list[str]]:
    def line(label: str, values: Sequence[Rate]) -> list[str]:
        shown = ""
        if label in RATE_GOALS and "beamwire" in sides:
            shown = at_least(RATE_GOALS[label], [values[sides.index("beamwire")].value])
        return [label, *map(str, values), shown]

    yield line("recall", [one.recall for one in pooled])
    yield line("precision", [one.precision for one in pooled])
    yield line("hard negatives apart", [one.apart for one in pooled])
    for group in dict.fromkeys(group for one in pooled for group in one.recall_by):
        for name in sorted({name for one in pooled for name in one.recall_by.get(group, {})}):
            label = {"near, true Jaccard": f"near, J {name}", "near": f"near, {name}"}.get(group, name)
            yield line(label, [one.recall_by.get(group, {}).get(name, Rate(0, 0)) for one in pooled])
    for label, counts in (
        ("kept", [one.kept for one in pooled]),
        ("misplaced", [one.misplaced for one in pooled]),
        ("lost", [one.lost for one in pooled]),
        ("unknown rows", [one.unknown for one in pooled]),
    ):
        yield [label, *(f"{count:,}" for count in counts), ""]
    wrong = [", ".join(f"{kind} {count:,}" for kind, count in sorted(one.wrong_by_kind.items())) for one in pooled]
    yield ["wrong, by kind", *(listed or "none" for listed in wrong), ""]


def _pooled(scores: Sequence[Score]) -> Score:
    total = scores[0]
    for one in scores[1:]:
        total = total + one
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.run", description="Race beamwire and the peer.")
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--format", choices=FORMATS, default="feeds")
    parser.add_argument("--repeats", type=int, default=1, help="turns a seed")
    parser.add_argument("--only", choices=SIDES, help="run one side")
    parser.add_argument("--beamwire", default=BEAMWIRE, metavar="COMMAND", help="default: %(default)s")
    parser.add_argument("--build", type=Path, default=BUILD, metavar="DIR", help="default: build/bench")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file as well")
    options = parser.parse_args(arguments)
    plain = PLAIN + (" --jsonl" if options.format == "jsonl" else "")
    commands = {"plain": plain, "beamwire": options.beamwire}
    if options.only:
        commands = {options.only: commands[options.only]}
    about: dict[str, Any] = surroundings()
    about |= {"articles": options.articles, "seeds": options.seeds, "format": options.format, "commands": commands}
    above = [*heading("run", arguments), *(f"{side}: `{command}`" for side, command in commands.items()), ""]
    results: dict[int, dict[str, Result]] = {}
    records = 0
    try:
        for number, seed in enumerate(options.seeds):
            folder = corpus_folder(options.build, options.articles, seed, options.format)
            records = json.loads((folder / "corpus.json").read_text())["records"]  # the same for every seed
            turns = range(number, number + options.repeats)
            results[seed] = race(options.build, folder, options.format, commands, turns)
    except CommandFailed as failure:
        say(str(failure))
        return 1
    except (ValueError, OSError) as error:
        say(f"{error}")
        return 2
    sys.stdout.write("\n".join((*above, *table(results, records))) + "\n")
    if options.json:
        figures = {
            str(seed): {
                side: {
                    "measured": asdict(result.measured),
                    "output_bytes": result.output_bytes,
                    "score": as_json(result.score),
                }
                for side, result in sides.items()
            }
            for seed, sides in results.items()
        }
        pooled = {side: as_json(_pooled([one[side].score for one in results.values()])) for side in commands}
        options.json.write_text(json.dumps({"about": about, "seeds": figures, "pooled": pooled}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
