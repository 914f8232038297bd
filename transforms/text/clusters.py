"""Which story a row repeats: rules 5–9 of the one pass in arrival order.

5. Rows of one id never match each other.
6. Near-duplicates are not looked for in this release; where they are, they join by similarity here.
7. A row whose text equals that of an earlier row joins that row's cluster, without threshold or horizon. Where the text
   is shorter than `SHORT_TEXT_WORDS` the titles must be equal too, and a row without a title then matches nothing.
8. `duplicate_of` is the founder; `exact` only if the texts are equal.
9. A founder never leaves its cluster. A revision of another article stays in its cluster while it is like the founder
   (equal text, or an equal title of at least four words); else it is matched as if it were new.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from transforms.schemas import IndexEntry
from transforms.text.identity import TITLE_WORDS, KnownArticle, Record

SHORT_TEXT_WORDS = 6
"""The shingle length of the near-duplicates to come: a text below it has no shingle to be compared by."""


@dataclass(frozen=True, slots=True)
class Founder:
    """The row that founded a cluster: its number, its article and what others are compared with."""

    number: int
    id: bytes
    content_hash: bytes
    telling_title: bytes | None

    def like(self, record: Record) -> bool:
        """True if the record may stay in the cluster (rule 9)."""
        if record.chars and record.content_hash == self.content_hash:
            return True
        return self.telling_title is not None and record.telling_title == self.telling_title


@dataclass(frozen=True, slots=True)
class Match:
    """The cluster that a row belongs to, and further founders whose clusters it fits as well."""

    founder: Founder | None
    others: tuple[Founder, ...] = ()


def _text_key(words: int, title_key: bytes | None, content_hash: bytes) -> bytes | None:
    """What two rows must share to be one text (rule 7); None where there is nothing to share."""
    if words >= SHORT_TEXT_WORDS:
        return content_hash
    return content_hash + title_key if title_key is not None else None


class Clusters:
    """The clusters known so far: of earlier batches as far as this batch asks for them, and of this batch."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._founders: dict[int, Founder] = {}
        self._of_article: dict[bytes, int] = {}
        self._first_rows: dict[bytes, dict[int, list[bytes]]] = {}

    def learn_founders(self, entries: Iterable[IndexEntry]) -> None:
        """Takes founders of earlier batches in."""
        for entry in entries:
            assert entry.content_hash is not None
            telling = entry.title_key if (entry.title_words or 0) >= TITLE_WORDS else None
            self._founders[entry.number] = Founder(entry.number, entry.id, entry.content_hash, telling)

    def learn_texts(self, entries: Iterable[IndexEntry]) -> None:
        """Takes rows of earlier batches in, in order of arrival."""
        for entry in entries:
            assert entry.content_hash is not None and entry.cluster is not None
            self._remember(_text_key(entry.words or 0, entry.title_key, entry.content_hash), entry.cluster, entry.id)

    def learn_articles(self, entries: Iterable[IndexEntry]) -> None:
        """Takes in where the rows of some articles stand; in order of arrival."""
        for entry in entries:
            if entry.cluster is not None:
                self._of_article[entry.id] = entry.cluster

    def place(self, article: KnownArticle, record: Record) -> Match:
        """The cluster of a new row of the article (rules 5–9); without a founder the row founds one."""
        cluster = self._of_article.get(article.id)
        if cluster is not None:
            current = self._founders[cluster]
            if current.id == article.id or current.like(record):
                return Match(current)
        key = _text_key(record.words, record.title_key, record.content_hash)
        clusters = self._first_rows.get(key, {}) if key is not None else {}
        fits = [self._founders[cluster] for cluster, rows in clusters.items() if any(row != article.id for row in rows)]
        return Match(fits[0], tuple(fits[1:])) if fits else Match(None)

    def add(self, number: int, article: KnownArticle, record: Record, founder: Founder | None) -> Founder:
        """Takes a new row in, which founds its cluster where `founder` is None; answers the founder."""
        if founder is None:
            founder = Founder(number, article.id, record.content_hash, record.telling_title)
            self._founders[number] = founder
        self._of_article[article.id] = founder.number
        key = _text_key(record.words, record.title_key, record.content_hash)
        self._remember(key, founder.number, article.id)
        return founder

    def _remember(self, key: bytes | None, cluster: int, article: bytes) -> None:
        """Keeps the first row of each cluster with this text, and the first one of another article (rule 5)."""
        if key is None:
            return
        rows = self._first_rows.setdefault(key, {}).setdefault(cluster, [])
        if len(rows) < 2 and article not in rows:
            rows.append(article)
