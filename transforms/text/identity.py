"""Which article a record is: rules 1–4 of the one pass in arrival order.

Keys are not trusted: a key that contradicts what is known of an id joins it only if the record is alike. Trusting
them always mixed a tenth of the articles of hostile feeds into foreign ids in simulation, these rules a thousandth.

1. Own key: canonical URL, else guid within its feed, else title and text. An id is made of the own key first seen;
   further keys of the id become aliases.
2. A contradicting key (a known URL under another guid of the same feed; a known guid with another URL, or with none
   where it is weak) joins only if the record is alike: the text of some revision or one that is loosely like it, or
   the same title of at least `TITLE_WORDS` words. Otherwise the other key makes a new id. A guid is weak where its
   scope is only the name of a file: numbers of rows start anew in each month's `articles.csv`.
3. Keys of two ids: the URL's id wins if rule 2 lets it, else the guid's; where neither does, the pair of keys is an id
   of its own. Ids never merge; that they are alike is kept as a link. An id that holds this very record, with these
   keys, comes before all: what has become alike meanwhile must not make a second row of a record that is read again.
4. A record whose title and text were seen in any revision of its id adds nothing. An excerpt that is shorter than a
   known full text of its id adds nothing. Anything else is the next revision.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from transforms.schemas import IndexEntry
from transforms.text.likeness import Likeness, jaccard

ROW, ALIAS, LINK = 0, 1, 2
"""Kinds of `IndexEntry`."""

TITLE_WORDS = 4
"""A shorter title ("Live updates", "Obituaries") is no evidence that two records are one article."""


class Record(NamedTuple):
    """What the rules see of an article: keys, hashes, lengths and the fingerprint of its text.

    `weak_guid` tells that no feed stands behind `guid_key`, only the name of an input.
    """

    url_key: bytes | None
    guid_key: bytes | None
    feed_key: bytes | None
    title_key: bytes | None
    title_words: int
    content_hash: bytes
    record_hash: bytes
    words: int
    chars: int
    excerpt: bool
    weak_guid: bool
    shingles: int
    signature: bytes | None

    @property
    def own_key(self) -> bytes:
        """The key that an id is made of."""
        return self.url_key or self.guid_key or self.record_hash

    @property
    def telling_title(self) -> bytes | None:
        """The title where it is long enough to be evidence."""
        return self.title_key if self.title_words >= TITLE_WORDS else None


def pair_key(record: Record) -> bytes | None:
    """Names a record both of whose keys belong to other articles (rule 3). A weak guid pairs with title and text."""
    other = record.url_key or (record.record_hash if record.weak_guid else None)
    if other is None or record.guid_key is None:
        return None
    return hashlib.blake2b(other + record.guid_key, digest_size=16, person=b"bw-pair").digest()


class Outcome(Enum):
    """What a record means for its id (rule 4)."""

    NEW = "new"
    REVISION = "revision"
    UNCHANGED = "unchanged"
    EXCERPT = "excerpts"


@dataclass(slots=True)
class KnownArticle:
    """All that is known of one id."""

    id: bytes
    revision: int = 0
    longest_full_text: int = 0
    urls: set[bytes] = field(default_factory=set)
    guids: set[tuple[bytes | None, bytes]] = field(default_factory=set)
    records: set[bytes] = field(default_factory=set)
    contents: set[bytes] = field(default_factory=set)
    titles: set[bytes] = field(default_factory=set)
    linked: set[bytes] = field(default_factory=set)
    texts: list["Record | IndexEntry"] = field(default_factory=list)

    def learn_keys(self, url_key: bytes | None, guid_key: bytes | None, feed_key: bytes | None) -> bool:
        """Takes keys in; True if any of them was new to this id."""
        known = len(self.urls) + len(self.guids)
        if url_key is not None:
            self.urls.add(url_key)
        if guid_key is not None:
            self.guids.add((feed_key, guid_key))
        return len(self.urls) + len(self.guids) > known

    def learn_row(self, record: "Record | IndexEntry") -> None:
        """Takes a new revision in."""
        self.revision += 1
        assert record.record_hash is not None and record.content_hash is not None
        self.records.add(record.record_hash)
        self.contents.add(record.content_hash)
        if record.title_key is not None and (record.title_words or 0) >= TITLE_WORDS:
            self.titles.add(record.title_key)
        if record.shingles:
            self.texts.append(record)
        if not record.excerpt:
            self.longest_full_text = max(self.longest_full_text, record.chars or 0)

    def alike(self, record: Record, likeness: Likeness | None) -> bool:
        """Rule 2's evidence. An empty or missing text is none."""
        if record.chars and record.content_hash in self.contents:
            return True
        if record.telling_title is not None and record.telling_title in self.titles:
            return True
        return likeness is not None and any((jaccard(one, record) or 0.0) >= likeness.loose for one in self.texts)

    def holds(self, record: Record) -> bool:
        """True if this very record, with its keys, was seen in some revision."""
        return (
            record.record_hash in self.records
            and (record.url_key is None or record.url_key in self.urls)
            and (record.guid_key is None or (record.feed_key, record.guid_key) in self.guids)
        )

    def contradicts(self, record: Record) -> bool:
        """True if a key of the record says that it is another article (rule 2)."""
        other_url = record.url_key is not None and bool(self.urls) and record.url_key not in self.urls
        if record.url_key is None and record.weak_guid and self.revision:
            return True
        guid_known = (record.feed_key, record.guid_key) in self.guids
        other_guid = (
            record.guid_key is not None and not guid_known and any(feed == record.feed_key for feed, _ in self.guids)
        )
        return other_url or other_guid


class Identities:
    """The ids known so far: of earlier batches as far as this batch asks for them, and of this batch."""

    def __init__(self, likeness: Likeness | None) -> None:
        """Nothing is known. Without a likeness only equal texts and titles are alike."""
        self._likeness = likeness
        self._by_key: dict[bytes, bytes] = {}
        self._articles: dict[bytes, KnownArticle] = {}

    def learn_keys_of(self, entries: Iterable[IndexEntry]) -> None:
        """Takes in which id had each key first; entries in the order in which they were written."""
        for entry in entries:
            self._claim(entry.id, entry.url_key, entry.guid_key, entry.record_hash)

    def learn_articles(self, entries: Iterable[IndexEntry]) -> None:
        """Takes in all entries of some ids; in the order in which they were written."""
        for entry in entries:
            article = self._articles.setdefault(entry.id, KnownArticle(entry.id))
            if entry.kind == LINK:
                assert entry.other_id is not None
                article.linked.add(entry.other_id)
                continue
            article.learn_keys(entry.url_key, entry.guid_key, entry.feed_key)
            if entry.kind == ROW:
                article.learn_row(entry)

    def resolve(self, record: Record) -> tuple[KnownArticle, KnownArticle | None]:
        """The article that the record belongs to (rules 1–3), and the other one that its keys also name, if alike.

        The article is new where its `revision` is 0. Its keys are not learned yet.
        """
        by_url = self._named(record.url_key)
        by_guid = self._named(record.guid_key)
        if by_url is None and by_guid is None:
            own = self._named(record.record_hash) if record.url_key is None and record.guid_key is None else None
            return own or self._new(record.own_key), None
        candidates = [one for one in (by_url, by_guid) if one is not None]
        pair = pair_key(record)
        if pair is not None and pair in self._articles:
            candidates.append(self._articles[pair])
        held = next((one for one in candidates if one.holds(record)), None)
        if held is not None:
            return held, None
        other = by_guid if by_url is not None and by_guid is not by_url else None
        related = other if other is not None and other.alike(record, self._likeness) else None
        for candidate in (by_url, by_guid):
            if candidate is not None and (not candidate.contradicts(record) or candidate.alike(record, self._likeness)):
                return candidate, related if candidate is not related else None
        free = [key for key, known in ((record.url_key, by_url), (record.guid_key, by_guid)) if known is None and key]
        key = free[0] if free else pair
        assert key is not None  # a URL alone contradicts nothing, nor does a guid that is not weak
        return self._new(key), None

    def outcome(self, article: KnownArticle, record: Record) -> Outcome:
        """What the record means for the article (rule 4)."""
        if article.revision == 0:
            return Outcome.NEW
        if record.record_hash in article.records:
            return Outcome.UNCHANGED
        if record.excerpt and record.chars < article.longest_full_text:
            return Outcome.EXCERPT
        return Outcome.REVISION

    def join(self, article: KnownArticle, record: Record) -> bool:
        """Makes the record's keys the article's; True if any was new to it."""
        self._claim(article.id, record.url_key, record.guid_key, record.record_hash)
        return article.learn_keys(record.url_key, record.guid_key, record.feed_key)

    def _named(self, key: bytes | None) -> KnownArticle | None:
        name = self._by_key.get(key) if key is not None else None
        return self._articles.get(name) if name is not None else None

    def _new(self, key: bytes) -> KnownArticle:
        return self._articles.setdefault(key, KnownArticle(key))

    def _claim(self, article: bytes, url_key: bytes | None, guid_key: bytes | None, record_hash: bytes | None) -> None:
        if url_key is not None:
            self._by_key.setdefault(url_key, article)
        if guid_key is not None:
            self._by_key.setdefault(guid_key, article)
        if url_key is None and guid_key is None and record_hash is not None:
            self._by_key.setdefault(record_hash, article)
