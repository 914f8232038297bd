"""How much of each kind of duplicate is found, and how much else, by the settings of near-duplicates. As Markdown.

    make bench BENCH=thresholds ARGS="--articles 10000 --seeds 1 2 3"
    python -m tests.benchmarks.thresholds --articles 10000 --seeds 1 2 3 [--shingles 5 6 7] [--thresholds .5 .54 .6]
        [--loose .25 .35] [--min-shingles 1 20] [--horizons 1 2]

The project's own steps stage each corpus once (kept, see `staged`); then each setting is one pass over all of it, which
the scorer judges. First a table of thresholds for each length of shingles: what is removed, and recall by kind of copy.
Then one of the other settings, each alone changed from its default. Rates are pooled over the seeds and shown with
Wilson's 95 % interval. Horizons are days of unit time: a corpus of 10,000 articles has two and a half, one of 100,000
twenty-five, and the lag of a copy has its median at 14 hours and ends at ten days.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.benchmarks.bench import BUILD, corpus_folder, heading, markdown, say
from tests.benchmarks.plan import NEAR_KINDS
from tests.benchmarks.score import SURE, Rate, Score, Truth, read_truth, score
from tests.benchmarks.staged import CONFIG, Staged, decide, stage
from transforms.text.arrival import DAY
from transforms.text.likeness import Likeness

NEAR = CONFIG.dedupe.near
SHINGLES = (5, 6)
THRESHOLDS = (0.40, 0.44, 0.48, 0.50, 0.52, 0.54, 0.56, 0.58, 0.60, 0.62, 0.66, 0.70)
LOOSE = (0.15, 0.25, 0.35, 0.45)
MIN_SHINGLES = (1, 20, 150, 250)
HORIZONS = (1, 2)


@dataclass(frozen=True)
class Setting:
    """One setting of near-duplicates, as the config spells it."""

    shingle_words: int = NEAR.shingle_words
    threshold: float = NEAR.threshold
    loose_threshold: float = NEAR.loose_threshold
    min_shingles: int = NEAR.min_shingles
    horizon_days: int | None = NEAR.horizon_days

    @property
    def likeness(self) -> Likeness:
        """What the one pass takes."""
        horizon = None if self.horizon_days is None else self.horizon_days * DAY
        return Likeness(self.threshold, self.loose_threshold, self.min_shingles, horizon)


Scores = Mapping[Setting, Score]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.thresholds", description="Recall and precision by the settings of dedupe.near."
    )
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--shingles", type=int, nargs="+", default=SHINGLES, metavar="WORDS")
    parser.add_argument("--thresholds", type=float, nargs="+", default=THRESHOLDS, metavar="J")
    parser.add_argument("--loose", type=float, nargs="*", default=LOOSE, metavar="J")
    parser.add_argument("--min-shingles", type=int, nargs="*", default=MIN_SHINGLES, metavar="COUNT")
    parser.add_argument("--horizons", type=int, nargs="*", default=HORIZONS, metavar="DAYS")
    parser.add_argument("--build", type=Path, default=BUILD, metavar="DIR", help="default: build/bench")
    options = parser.parse_args(arguments)
    above = list(heading("thresholds", arguments))
    swept = {
        words: [Setting(words, threshold) for threshold in options.thresholds]
        for words in dict.fromkeys(options.shingles)
    }
    varied = variants(options.loose, options.min_shingles, options.horizons)
    settings = list(dict.fromkeys([*(one for several in swept.values() for one in several), *varied]))
    scores: dict[Setting, Score] = {}
    for seed in options.seeds:
        corpus = corpus_folder(options.build, options.articles, seed, "feeds")
        truth = read_truth(corpus / "truth.parquet")
        staged = stage(corpus / "feeds", {one.shingle_words for one in settings}, options.build / "staged")
        for setting, result in sweep(settings, staged, truth):
            scores[setting] = scores[setting] + result if setting in scores else result
        say(f"{corpus.name}: {len(settings)} settings")
    sys.stdout.write("\n".join((*above, *tables(swept, varied, scores))) + "\n")
    return 0


def variants(loose: Sequence[float], min_shingles: Sequence[int], horizons: Sequence[int]) -> list[Setting]:
    """The default, and settings of which one differs from it."""
    default = Setting()
    return list(
        dict.fromkeys(
            (
                default,
                *(replace(default, loose_threshold=value) for value in loose),
                *(replace(default, min_shingles=value) for value in min_shingles),
                *(replace(default, horizon_days=value) for value in horizons),
            )
        )
    )


def sweep(
    settings: Sequence[Setting], staged: Mapping[int, Staged], truth: Sequence[Truth]
) -> Iterator[tuple[Setting, Score]]:
    """One pass over the corpus with each setting, and the score of what it decided."""
    for setting in settings:
        yield setting, score(truth, decide(staged[setting.shingle_words], setting.likeness))


# Showing.


def tables(swept: Mapping[int, Sequence[Setting]], varied: Sequence[Setting], scores: Scores) -> Iterator[str]:
    """All of it as Markdown."""
    for words, settings in swept.items():
        yield f"Shingles of {words} words, by `threshold`:"
        yield ""
        yield from _table("threshold", settings, scores, lambda one: f"{one.threshold:.2f}", _REMOVED)
        yield ""
        yield f"The same, recall by kind of copy (of exact copies: {_exact(settings, scores)}):"
        yield ""
        yield from _table("threshold", settings, scores, lambda one: f"{one.threshold:.2f}", _KINDS)
        yield ""
    default = Setting()
    yield f"Other settings, with shingles of {default.shingle_words} words and a threshold of {default.threshold:.2f}:"
    yield ""
    yield from _table("setting", varied, scores, difference, _REMOVED)


def difference(setting: Setting) -> str:
    """What a setting has that the default has not, as the config spells it."""
    default = Setting()
    names = [name for name in setting.__dataclass_fields__ if getattr(setting, name) != getattr(default, name)]
    return ", ".join(f"{name} {getattr(setting, name)}" for name in names) or "default"


Column = Callable[[Score], str]


def _near(name: str) -> Column:
    return lambda result: _rate(result.recall_by["copy kind"].get(f"near: {name}", Rate(0, 0)))


_REMOVED: Mapping[str, Column] = {
    "recall": lambda result: _rate(result.recall),
    "precision": lambda result: _rate(result.precision, 5),
    "near, J ≥ .65": lambda result: _rate(result.recall_by["near"].get(SURE, Rate(0, 0))),
    "wrong": lambda result: f"{result.precision.of - result.precision.right:,}",
    "of these hard negatives": lambda result: f"{result.wrong_by_kind.get('hard_negative', 0):,}",
    "hard negatives apart": lambda result: _rate(result.apart),
}

_KINDS: Mapping[str, Column] = {
    "near": lambda result: _rate(result.recall_by["kind"].get("near", Rate(0, 0))),
    **{name: _near(name) for name in NEAR_KINDS},
}


def _table(
    label: str,
    settings: Sequence[Setting],
    scores: Scores,
    name: Callable[[Setting], str],
    columns: Mapping[str, Column],
) -> Iterator[str]:
    rows = []
    for setting in settings:
        cells = [name(setting), *(show(scores[setting]) for show in columns.values())]
        rows.append([f"**{cells[0]}**", *cells[1:]] if setting == Setting() else cells)
    yield from markdown([label, *columns], rows)


def _exact(settings: Sequence[Setting], scores: Scores) -> str:
    return " or ".join(dict.fromkeys(_rate(scores[one].recall_by["kind"].get("exact", Rate(0, 0))) for one in settings))


def _rate(rate: Rate, digits: int = 4) -> str:
    """A share and its interval, without the naughts before the point."""
    low, high = rate.interval
    value, low_shown, high_shown = (f"{one:.{digits}f}".removeprefix("0") for one in (rate.value, low, high))
    return f"{value} [{low_shown}, {high_shown}]" if rate.of else "–"


if __name__ == "__main__":
    sys.exit(main())
