"""Runs the plain script and beamwire over the same corpora, by turns, and prints both side by side.

    python -m tests.benchmarks.run --articles 10000 [--seeds 1 2 3] [--format feeds] [--json FILE]

Corpora are made once and kept under the build directory. Each side is a command of its own; which goes first alternates
between seeds and repetitions. Files are read once beforehand, so that both find them in the page cache. Of several
repetitions the median counts; of several seeds times are means and scores are pooled.
"""

import argparse
import hashlib
import json
import os
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks import corpus as corpora
from tests.benchmarks import entries, plan, sentences, stories
from tests.benchmarks.corpus import FORMATS, write_corpus
from tests.benchmarks.measure import MEMORY_KIND, CommandFailed, Measured, measure
from tests.benchmarks.score import Rate, Score, as_json, read_output, read_truth, score

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"

PLAIN = "{python} -m tests.benchmarks.plain {corpus} {output}"
BEAMWIRE = "{beamwire} run {corpus} --output {output} --set enrich.enabled=false --quiet"
SIDES = ("plain", "beamwire")


@dataclass(frozen=True)
class Result:
    """One side over one corpus."""

    measured: Measured
    score: Score
    output_bytes: int


def corpus_folder(build: Path, articles: int, seed: int, form: str) -> Path:
    """A corpus, made if it is not there. Its name holds a digest of all that makes it, so none is ever out of date."""
    digest = hashlib.sha256()
    for module in (sentences, stories, plan, entries, corpora):
        digest.update(Path(str(module.__file__)).read_bytes())
    for data in sorted(sentences.DATA.glob("*.gz")):
        digest.update(data.read_bytes())
    folder = build / f"{form}-{articles}-seed{seed}-{digest.hexdigest()[:10]}"
    if not (folder / "corpus.json").is_file():
        _say(f"making {folder.name}")
        shutil.rmtree(folder, ignore_errors=True)
        write_corpus(articles, seed, form, folder)
    return folder


def race(build: Path, folder: Path, form: str, commands: Mapping[str, str], turns: Sequence[int]) -> dict[str, Result]:
    """Runs all commands over one corpus, in each turn once (odd turns backwards), then scores them."""
    inputs = folder / form
    for path in inputs.rglob("*"):
        if path.is_file():
            path.read_bytes()
    runs: dict[str, list[Measured]] = {side: [] for side in commands}
    for turn in turns:
        for side in list(commands)[:: -1 if turn % 2 else 1]:
            output = _output(build, folder, side)
            shutil.rmtree(output, ignore_errors=True)
            runs[side].append(measure(_words(commands[side], inputs, output), build / f"{output.name}.log", ROOT))
            _say(f"{folder.name} {side}: {runs[side][-1].wall_seconds:.1f} s")
    truth = read_truth(folder / "truth.parquet")
    results = {}
    for side in commands:
        output = _output(build, folder, side)
        size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
        results[side] = Result(_median(runs[side]), score(truth, read_output(output, truth)), size)
        shutil.rmtree(output)
    return results


def _output(build: Path, folder: Path, side: str) -> Path:
    return build / f"out-{side}-{folder.name}"


def _median(runs: Sequence[Measured]) -> Measured:
    return Measured(
        statistics.median(run.wall_seconds for run in runs),
        statistics.median(run.cpu_seconds for run in runs),
        int(statistics.median(run.peak_bytes for run in runs)),
        max(run.processes for run in runs),
    )


def _words(command: str, inputs: Path, output: Path) -> list[str]:
    beamwire = Path(sys.executable).with_name("beamwire")
    known = {
        "python": sys.executable,
        "beamwire": str(beamwire) if beamwire.exists() else "beamwire",
        "corpus": str(inputs),
        "output": str(output),
    }
    return [word.format(**known) for word in shlex.split(command)]


def table(results: Mapping[int, Mapping[str, Result]], articles: int) -> Iterator[str]:
    """The comparison as lines of text: costs with ratios, then scores pooled over seeds."""
    sides = list(next(iter(results.values())))
    yield f"{'':30}" + "".join(f"{side:>36}" for side in sides) + f"{'ratio' if len(sides) == 2 else '':>8}"

    def line(label: str, values: Sequence[float], form: str) -> str:
        ratio = f"{values[1] / values[0]:8.2f}" if len(values) == 2 and values[0] else ""
        return f"{label:30}" + "".join(f"{format(value, form):>36}" for value in values) + ratio

    def mean(read: str, side: str) -> float:
        return statistics.fmean(getattr(seed[side].measured, read) for seed in results.values())

    yield line("wall, seconds", [mean("wall_seconds", side) for side in sides], ",.2f")
    yield line("CPU of the tree, seconds", [mean("cpu_seconds", side) for side in sides], ",.2f")
    yield line(f"peak {MEMORY_KIND} of the tree, MB", [mean("peak_bytes", side) / 1e6 for side in sides], ",.0f")
    yield line("CPU an article, µs", [mean("cpu_seconds", side) / articles * 1e6 for side in sides], ",.0f")
    yield line("articles a second", [articles / mean("wall_seconds", side) for side in sides], ",.0f")
    sizes = [statistics.fmean(seed[side].output_bytes for seed in results.values()) / 1e6 for side in sides]
    yield line("output, MB", sizes, ",.1f")
    yield line("processes", [mean("processes", side) for side in sides], ",.0f")

    pooled = {side: _pooled([seed[side].score for seed in results.values()]) for side in sides}
    yield ""

    def rates(label: str, values: Sequence[Rate]) -> str:
        return f"{label:30}" + "".join(f"{value!s:>36}" for value in values)

    yield rates("recall", [pooled[side].recall for side in sides])
    yield rates("precision", [pooled[side].precision for side in sides])
    groups = dict.fromkeys(group for side in sides for group in pooled[side].recall_by)
    for group in groups:
        names = sorted({name for side in sides for name in pooled[side].recall_by.get(group, {})})
        for name in names:
            label = f"  {group}, J {name}" if group == "near, true Jaccard" else f"  {group}, {name}"
            label = label.replace("near, true Jaccard,", "near,").replace("copy kind, ", "").replace("kind, ", "")
            yield rates(label, [pooled[side].recall_by.get(group, {}).get(name, Rate(0, 0)) for side in sides])
    for label, read in (("kept", "kept"), ("misplaced", "misplaced"), ("lost", "lost"), ("unknown rows", "unknown")):
        yield f"{label:30}" + "".join(f"{getattr(pooled[side], read):>36,}" for side in sides)
    for side in sides:
        wrong = ", ".join(f"{kind} {count}" for kind, count in sorted(pooled[side].wrong_by_kind.items()))
        yield f"wrong in {side}: {wrong or 'none'}"


def _pooled(scores: Sequence[Score]) -> Score:
    total = scores[0]
    for one in scores[1:]:
        total = total + one
    return total


def surroundings() -> dict[str, str | int]:
    """What a figure depends on besides the code."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "processor": _processor(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
        "load_before": round(os.getloadavg()[0]),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = git("rev-parse", "--short=12", "HEAD")
    return (commit + (" with changes" if git("status", "--porcelain") else "")) if commit else "none"


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


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
    results: dict[int, dict[str, Result]] = {}
    try:
        for number, seed in enumerate(options.seeds):
            folder = corpus_folder(options.build, options.articles, seed, options.format)
            turns = range(number, number + options.repeats)
            results[seed] = race(options.build, folder, options.format, commands, turns)
    except CommandFailed as failure:
        _say(str(failure))
        return 1
    except (ValueError, OSError) as error:
        _say(f"{error}")
        return 2
    lines = [f"{name}: {value}" for name, value in about.items() if name != "commands"]
    lines += [f"{side}: {command}" for side, command in commands.items()]
    sys.stdout.write("\n".join((*lines, "", *table(results, options.articles))) + "\n")
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
