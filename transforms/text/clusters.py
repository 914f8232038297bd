"""Which story a row repeats: rules 5–9 of the one pass in arrival order.

5. Rows of one id never match each other.
6. A row joins the cluster of the earlier row that it is most like, from `near` on (the earlier of equals), if it is
   alike to the founder as well: `loose` to its first row, or to another row of the founder that it was compared with.
   Else the next best; else it founds a cluster. Without the second condition a chain of edits hides rows behind
   something unlike them. Further clusters that it fits become links.
7. A row whose text equals that of an earlier row joins that row's cluster, without threshold or horizon. Where the text
   has fewer than `SHORT_TEXT_WORDS` words the titles must be equal too, and a row without a title matches nothing.
8. `duplicate_of` is the founder, `similarity` the likeness to it; `exact` only if the texts are equal.
9. A founder never leaves its cluster. A revision of another article stays in its cluster while it is like the founder
   (equal text, `loose`, or where a text is too short to tell an equal title of at least four words); else it is matched
   as if it were new.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from transforms.schemas import IndexEntry
from transforms.text.identity import TITLE_WORDS, Record
from transforms.text.likeness import Likeness, jaccard

SHORT_TEXT_WORDS = 25
"""A shorter text ("Please subscribe to read on", "More to follow") may be that of a site, not of an article."""


class Founder(NamedTuple):
    """The row that founded a cluster: its number, its article, its unit time and what others are compared with."""

    number: int
    id: bytes
    unit_time: int
    content_hash: bytes
    telling_title: bytes | None
    shingles: int | None
    signature: bytes | None


class Candidate(NamedTuple):
    """An earlier row that a row may repeat: its number, its article, and the estimated similarity."""

    number: int
    id: bytes
    similarity: float


class Match(NamedTuple):
    """The cluster that a row belongs to, how like it is to the founder, and founders of further clusters it fits."""

    founder: Founder | None
    similarity: float | None = None
    others: tuple[Founder, ...] = ()


def _text_key(words: int, title_key: bytes | None, content_hash: bytes) -> bytes | None:
    """What two rows must share to be one text (rule 7); None where there is nothing to share."""
    if words >= SHORT_TEXT_WORDS:
        return content_hash
    return content_hash + title_key if title_key is not None else None


class Clusters:
    """The clusters known so far: of earlier batches as far as this batch asks for them, and of this batch."""

    def __init__(self, likeness: Likeness | None) -> None:
        """Nothing is known. Without a likeness only equal texts match."""
        self._likeness = likeness
        self._founders: dict[int, Founder] = {}
        self._of_row: dict[int, int] = {}
        self._of_article: dict[bytes, int] = {}
        self._first_rows: dict[bytes, dict[int, list[bytes]]] = {}

    def learn_founders(self, entries: Iterable[IndexEntry]) -> None:
        """Takes founders of earlier batches in."""
        for entry in entries:
            assert entry.content_hash is not None and entry.unit_time is not None
            telling = entry.title_key if (entry.title_words or 0) >= TITLE_WORDS else None
            self._founders[entry.number] = Founder(
                entry.number,
                entry.id,
                entry.unit_time,
                entry.content_hash,
                telling,
                entry.shingles,
                entry.signature,
            )

    def learn_texts(self, entries: Iterable[IndexEntry]) -> None:
        """Takes rows of earlier batches in, in order of arrival."""
        for entry in entries:
            assert entry.content_hash is not None and entry.cluster is not None
            self._remember(_text_key(entry.words or 0, entry.title_key, entry.content_hash), entry.cluster, entry.id)

    def learn_articles(self, entries: Iterable[IndexEntry]) -> None:
        """Takes in where the last rows of some articles stand: all of their rows, in order of arrival."""
        for entry in entries:
            if entry.cluster is not None:
                self._of_article[entry.id] = entry.cluster

    def learn_rows(self, clusters: Mapping[int, int]) -> None:
        """Takes in where rows of earlier batches stand: the cluster of each by its number."""
        self._of_row.update(clusters)

    def place(self, article: bytes, record: Record, time: int, candidates: Sequence[Candidate]) -> Match:
        """The cluster of a new row of the article (rules 5–9); without a founder the row founds one.

        `time` is the unit time of the row; `candidates` are the earlier rows it is like, `loose` at least.
        """
        cluster = self._of_article.get(article)
        if cluster is not None:
            current = self._founders[cluster]
            if current.id == article or self._stays(current, record):
                return Match(current, _similarity(current, record))
        fits = dict.fromkeys([*self._of_equal_text(article, record), *self._of_near_text(record, time, candidates)])
        found = [self._founders[number] for number in fits]
        return Match(found[0], _similarity(found[0], record), tuple(found[1:])) if found else Match(None)

    def add(self, number: int, article: bytes, record: Record, time: int, founder: Founder | None) -> Founder:
        """Takes a new row in, which founds its cluster where `founder` is None; answers the founder."""
        if founder is None:
            founder = Founder(
                number,
                article,
                time,
                record.content_hash,
                record.telling_title,
                record.shingles,
                record.signature,
            )
            self._founders[number] = founder
        self._of_row[number] = self._of_article[article] = founder.number
        key = _text_key(record.words, record.title_key, record.content_hash)
        self._remember(key, founder.number, article)
        return founder

    def _of_equal_text(self, article: bytes, record: Record) -> Iterator[int]:
        key = _text_key(record.words, record.title_key, record.content_hash)
        clusters = self._first_rows.get(key, {}) if key is not None else {}
        return (cluster for cluster, rows in clusters.items() if any(row != article for row in rows))

    def _of_near_text(self, record: Record, time: int, candidates: Sequence[Candidate]) -> Iterator[int]:
        """Clusters of the rows that are near, the most like first, whose founder is alike too (rule 6)."""
        if self._likeness is None:
            return
        loosely_like = {one.id for one in candidates}
        for one in sorted(candidates, key=lambda one: (-one.similarity, one.number)):
            if one.similarity < self._likeness.near:
                return
            founder = self._founders[self._of_row[one.number]]
            if founder.id in loosely_like or self._is_like(founder, record, time):
                yield founder.number

    def _is_like(self, founder: Founder, record: Record, time: int) -> bool:
        assert self._likeness is not None
        horizon = self._likeness.horizon
        if horizon is not None and time - founder.unit_time > horizon:
            return False
        return (jaccard(founder, record) or 0.0) >= self._likeness.loose

    def _stays(self, founder: Founder, record: Record) -> bool:
        if record.chars and record.content_hash == founder.content_hash:
            return True
        likeness = jaccard(founder, record) if self._likeness is not None else None
        if likeness is not None and self._likeness is not None:
            return likeness >= self._likeness.loose
        return founder.telling_title is not None and record.telling_title == founder.telling_title

    def _remember(self, key: bytes | None, cluster: int, article: bytes) -> None:
        """Keeps the first row of each cluster with this text, and the first one of another article (rule 5)."""
        if key is None:
            return
        rows = self._first_rows.setdefault(key, {}).setdefault(cluster, [])
        if len(rows) < 2 and article not in rows:
            rows.append(article)


def _similarity(founder: Founder, record: Record) -> float | None:
    return 1.0 if founder.content_hash == record.content_hash else jaccard(founder, record)
