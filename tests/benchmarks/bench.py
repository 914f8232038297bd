"""What the commands of the benchmark share: the build folder and corpora in it, the machine, tables."""

import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from tests.benchmarks import corpus as corpora
from tests.benchmarks import entries, plan, sentences, stories
from tests.benchmarks.corpus import write_corpus

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"

BEAMWIRE = "{beamwire} run {corpus} --output {output} --set enrich.enabled=false --quiet"
"""A run as it is measured: without entities, which cost the same whatever stands around them."""

_BEAMWIRE = "import sys; from pipeline.cli import main; sys.exit(main())"


def corpus_folder(build: Path, articles: int, seed: int, form: str) -> Path:
    """A corpus, made if it is not there. Its name holds a digest of all that makes it, so none is ever out of date."""
    modules = [Path(str(module.__file__)) for module in (sentences, stories, plan, entries, corpora)]
    digest = digest_of([*modules, *sorted(sentences.DATA.glob("*.gz"))])
    folder = build / f"{form}-{articles}-seed{seed}-{digest}"
    if not (folder / "corpus.json").is_file():
        say(f"making {folder.name}")
        shutil.rmtree(folder, ignore_errors=True)
        write_corpus(articles, seed, form, folder)
    return folder


def digest_of(files: Sequence[Path]) -> str:
    """Ten hex digits that stand for the contents of the files."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


def read_once(*folders: Path) -> None:
    """Reads every file below the folders, so that all that is measured after finds them in the page cache."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                path.read_bytes()


def words_of(command: str, **known: Path | str) -> list[str]:
    """A command with what stands in braces filled in: `{beamwire}`, `{python}`, and what is given.

    beamwire is the one installed beside this Python, else that of this checkout: commands run in `ROOT`.
    """
    installed = Path(sys.executable).with_name("beamwire")
    names = {"python": sys.executable} | {name: str(value) for name, value in known.items()}
    words: list[str] = []
    for word in shlex.split(command):
        if word == "{beamwire}":
            words += [str(installed)] if installed.exists() else [sys.executable, "-c", _BEAMWIRE]
        else:
            words.append(word.format(**names))
    return words


def say(line: str) -> None:
    """Tells the one who waits."""
    sys.stderr.write(line + "\n")


# Where it was measured.


def surroundings() -> dict[str, str | int]:
    """What a figure depends on besides the code."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0,
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "processor": _processor(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "commit": commit(),
        "load_before": round(os.getloadavg()[0]),
    }


def heading(module: str, arguments: Sequence[str] | None) -> Iterator[str]:
    """The command and where it ran, to stand over its figures."""
    words = sys.argv[1:] if arguments is None else arguments
    about = surroundings()
    yield f"`{shlex.join(['python', '-m', f'tests.benchmarks.{module}', *words])}`"
    yield (
        f"{about['cores']} cores ({about['processor']}), {about['memory_gb']} GB, Python {about['python']}, "
        f"commit {about['commit']}, load before {about['load_before']}"
    )
    yield ""


def commit() -> str:
    """The commit that is checked out, and whether anything was changed since."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    short = git("rev-parse", "--short=12", "HEAD")
    return (short + (" with changes" if git("status", "--porcelain") else "")) if short else "none"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


# Tables, fit for a terminal and for FIGURES.md.


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table as lines of Markdown, its columns padded: the first to the left, all others to the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return f"| {' | '.join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])} |"

    yield line(head)
    yield f"|{'|'.join(['-' * (widths[0] + 2), *('-' * (width + 1) + ':' for width in widths[1:])])}|"
    yield from (line(row) for row in rows)


def at_most(goal: float, values: Sequence[float]) -> str:
    """What the values shall not exceed, and whether none does."""
    return f"≤ {goal:g}: {'met' if max(values) <= goal else 'missed'}"


def at_least(goal: float, values: Sequence[float]) -> str:
    """What the values shall reach, and whether all do."""
    return f"≥ {goal:g}: {'met' if min(values) >= goal else 'missed'}"
