r"""The peer to beat: feeds in, deduplicated Parquet out, as one would write it in an afternoon. One process, no Beam.

    python -m tests.benchmarks.plain CORPUS OUTPUT [--jsonl]

Tags go by a regular expression, words are `\w+`, likeness is the MinHash of 5-word shingles; an article whose estimated
Jaccard to an earlier one is .6 or more is dropped. Left out, though users would miss it: revisions, encodings, broken
feeds, restarts, a second run.
"""

import html
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastfeedparser
import pyarrow as pa
import pyarrow.parquet as pq
from rensa import RMinHash, RMinHashLSH

TAG, WORD = re.compile(r"<[^>]+>"), re.compile(r"\w+")
PERMUTATIONS, BANDS, SHINGLE, THRESHOLD = 128, 32, 5, 0.6


def read(corpus: Path, jsonl: bool) -> Iterator[dict[str, Any]]:
    """The articles of all files, in the order of their names."""
    for path in sorted(path for path in corpus.rglob("*") if path.is_file()):
        entries = (
            map(json.loads, path.read_bytes().splitlines())
            if jsonl
            else fastfeedparser.parse(path.read_bytes()).entries
        )
        for position, entry in enumerate(entries):
            body = entry["text"] if jsonl else entry["content"][0]["value"]
            yield {
                "record": f"{path.relative_to(corpus).as_posix()}#{position}",
                "url": entry["url"] if jsonl else entry["link"],
                "title": entry["title"],
                "author": ", ".join(entry["authors"]) if jsonl else entry["author"],
                "published": entry["published"],
                "text": body if jsonl else html.unescape(TAG.sub(" ", body)).strip(),
            }


def signature_of(text: str) -> RMinHash:
    """The MinHash of its shingles."""
    words = WORD.findall(text.lower())
    signature = RMinHash(num_perm=PERMUTATIONS, seed=42)
    signature.update([" ".join(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))])
    return signature


def main(corpus: Path, output: Path, jsonl: bool) -> None:
    """Writes a Parquet file a date with what stays, and marks that name the duplicates."""
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=BANDS)
    signatures: list[RMinHash] = []
    kept: list[dict[str, Any]] = []
    marks = []
    for article in read(corpus, jsonl):
        signature = signature_of(article["text"])
        alike = [(signature.jaccard(signatures[key]), key) for key in index.query(signature)]
        likeness, key = max(alike, default=(0.0, 0))
        duplicate_of = kept[key]["record"] if likeness >= THRESHOLD else None
        if duplicate_of is None:
            index.insert(len(kept), signature)
            signatures.append(signature)
            kept.append(article)
        marks.append({"record": article["record"], "url": article["url"], "duplicate_of": duplicate_of})
    dates = defaultdict(list)
    for article in kept:
        dates[article["published"][:10]].append(article)
    for date, articles in dates.items():
        folder = output / "articles" / f"date={date}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(articles), folder / "part-0.parquet")
    pq.write_table(pa.Table.from_pylist(marks), output / "marks.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), "--jsonl" in sys.argv)
