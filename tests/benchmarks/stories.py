"""A story of sentences, what copying does to it, and how much of it is left. Functions of a seed, without I/O.

The body of a story is a tuple of paragraphs, a paragraph a tuple of sentences. Every edit takes a body and gives a new
one.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from tests.benchmarks.sentences import SentenceGrid, headlines

Body = tuple[tuple[str, ...], ...]

MIN_STORY_WORDS, MAX_STORY_WORDS = 150, 900
"""Of a story as it is first written, without what its site puts under it."""

_MEDIAN_WORDS = 370
_SPREAD = 0.5  # of the logarithm: half of the stories have 265 to 520 words

_WORD = re.compile(r"\w+")

_LOOSE_ENDS = ",.:;-'\"(\u2013\u2014\u2018\u201c"

_FIRST_NAMES = (
    "Ada Amir Anna Bela Carl Chidi Dana Edda Elif Farah Hugo Ines Ivo Jana Jonas Kofi Lena Lucia Marek Mina Nadia Noor "
    "Oskar Pia Rosa Samir Tara Uma Vera Wim Yusuf Zoe"
).split()
_LAST_NAMES = (
    "Abel Adeyemi Anders Barros Bergman Castell Dahl Eriksen Falk Garrido Haddad Ibsen Jansen Kaya Lindqvist Marlow "
    "Moreau Nakata Novak Okafor Paulsen Quist Rahimi Sandoval Tanaka Ulrich Varga Winther Yilmaz Zeller"
).split()
_SUBJECTS = (
    "Politics World Business Health Science Sport Crime Education Environment Technology Culture Media Travel Opinion"
).split()


@dataclass(frozen=True)
class Story:
    """A story as its author wrote it. `title` starts with its `topic`, which stories on one subject share."""

    number: int
    topic: str
    title: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    body: Body


@dataclass(frozen=True, eq=False)  # told apart by identity: a hash over all sentences would take longer than a story
class StoryWriter:
    """Writes stories and edits them, each from the seed and its number alone, so that none has to be kept."""

    seed: int
    grid: SentenceGrid

    def random(self, purpose: str, number: int) -> Random:
        """The random numbers of one thing. Python keeps their sequence between versions."""
        return Random(f"{self.seed}/{purpose}/{number}")

    def story(self, number: int) -> Story:
        """The story of this number, 150 to 900 words."""
        return _story(self, number)

    def sibling(self, number: int, partner: Story) -> Story:
        """Another story on the subject of the partner, which shares a passage with it: a hard negative.

        It is about as long as the partner, and 25 to 65 % of the shorter of both are the passage: at equal lengths a
        Jaccard of .14 to .48. Less would test nothing, more would be a copy by anyone's judgement.
        """
        random = self.random("sibling", number)
        own = self.story(number)
        partner_words = count_words(partner.body)
        words = min(MAX_STORY_WORDS, max(MIN_STORY_WORDS, int(partner_words * random.uniform(0.85, 1.15))))
        shared = opening(flatten(partner.body), int(min(words, partner_words) * random.uniform(0.25, 0.65)))
        paragraphs = list(into_paragraphs(self.fresh(number, random, words - count_words((shared,))), random))
        paragraphs.insert(random.randint(1, len(paragraphs)), shared)
        title = f"{partner.topic}: {own.title}"
        return Story(number, partner.topic, title, own.authors, own.categories, tuple(paragraphs))

    def fresh(self, line: int, random: Random, words: int) -> tuple[str, ...]:
        """So many words of sentences from a line, for what a copy adds one that no story uses."""
        return tuple(self.grid.sentences[number] for number in self.grid.draw(line, random, words))


@lru_cache(maxsize=4096)
def _story(writer: StoryWriter, number: int) -> Story:
    random = writer.random("story", number)
    words = min(840, max(155, int(random.lognormvariate(0, _SPREAD) * _MEDIAN_WORDS)))  # the last sentence comes on top
    sentences = tuple(writer.grid.sentences[cell] for cell in writer.grid.draw(number, random, words))
    lines = headlines()
    topic = _words(lines[int(random.random() * len(lines))], 3 + int(random.random() * 4))
    turn = (" as ", ": ", " after ", ", ")[int(random.random() * 4)]
    title = topic + turn + _words(lines[int(random.random() * len(lines))], 3 + int(random.random() * 4))
    authors = tuple(author(random) for _ in range(1 + (random.random() < 0.2)))
    categories = tuple(dict.fromkeys(_SUBJECTS[int(random.random() * len(_SUBJECTS))] for _ in range(2)))
    return Story(number, topic, title, authors, categories, into_paragraphs(sentences, random))


def author(random: Random) -> str:
    """An invented name."""
    first = _FIRST_NAMES[int(random.random() * len(_FIRST_NAMES))]
    return f"{first} {_LAST_NAMES[int(random.random() * len(_LAST_NAMES))]}"


def into_paragraphs(sentences: tuple[str, ...], random: Random) -> Body:
    """Sentences in paragraphs of one to four."""
    paragraphs = []
    start = 0
    while start < len(sentences):
        size = 1 + int(random.random() * 4)
        paragraphs.append(sentences[start : start + size])
        start += size
    return tuple(paragraphs)


def flatten(body: Body) -> tuple[str, ...]:
    """The sentences of a body."""
    return tuple(sentence for paragraph in body for sentence in paragraph)


def opening(sentences: tuple[str, ...], words: int) -> tuple[str, ...]:
    """The first sentences, one at least, as many as do not exceed so many words."""
    total = 0
    for index, sentence in enumerate(sentences):
        total += len(sentence.split())
        if total > words:
            return sentences[: max(index, 1)]
    return sentences


def count_words(body: Body) -> int:
    """Words of a body, divided by white space."""
    return sum(len(sentence.split()) for sentence in flatten(body))


def text_of(body: Body) -> str:
    """A body as plain text: paragraphs divided by an empty line."""
    return "\n\n".join(" ".join(paragraph) for paragraph in body)


# What copying does. Each: a body, the random numbers of the copy, what it needs besides.


def credit(body: Body, random: Random, source: str, place: str) -> Body:
    """Syndicated: a credit line over or under the text, or a dateline in it; sometimes two of them."""
    over = (
        f"By {author(random)}, {source}",
        f"From {source}",
        f"{author(random)} reports for {source}.",
    )
    under = (
        f"This article was originally published by {source} and is republished here with permission.",
        f"© 2024 {source}. All rights reserved.",
        f"Read the original article at {source}. Distributed by the Meridian News Service.",
    )
    choice = random.random()
    if choice < 0.35:
        return ((over[int(random.random() * 3)],), *body)
    if choice < 0.65:
        return (*body, (under[int(random.random() * 3)],))
    dated = ((f"{place.upper()} ({source}) — {body[0][0]}", *body[0][1:]), *body[1:])
    return dated if choice < 0.85 else (*dated, (under[int(random.random() * 3)],))


def boilerplate(body: Body, random: Random, block: tuple[str, ...]) -> Body:
    """40 to 160 words of the copying site's standing block around the text: the rest of it under it, some over it."""
    lines = opening(block, 40 + int(random.random() * 121))
    above = int(random.random() * 3)
    return (*((line,) for line in lines[:above]), *body, *((line,) for line in lines[above:]))


def edit(body: Body, random: Random, words: tuple[str, ...]) -> Body:
    """1 to 15 % of the words changed, at places drawn at random: 60 % replaced, 20 % left out, 20 % put in."""
    total = count_words(body)
    places = set(random.sample(range(total), max(1, round(total * random.uniform(0.01, 0.15)))))
    edited = []
    position = 0
    for paragraph in body:
        sentences = []
        for sentence in paragraph:
            kept = []
            for word in sentence.split():
                change = random.random() if position in places else 1.0
                other = words[int(random.random() * len(words))] if change < 0.8 else ""
                if change < 0.6:
                    kept.append(other)
                elif change < 0.8:
                    kept += [other, word]
                elif change == 1.0:
                    kept.append(word)
                position += 1
            if kept:
                sentences.append(" ".join(kept))
        if sentences:
            edited.append(tuple(sentences))
    return tuple(edited)


def cut(body: Body, random: Random) -> Body:
    """The first 50 to 95 % of the words, cut at the end of a sentence."""
    left = opening(flatten(body), int(count_words(body) * random.uniform(0.5, 0.95)))
    kept = []
    for paragraph in body:
        if not left:
            break
        kept.append(left[: len(paragraph)])
        left = left[len(paragraph) :]
    return tuple(kept)


def new_lede(body: Body, lede: tuple[str, ...]) -> Body:
    """The first paragraph written anew."""
    return (lede, *body[1:])


def update(body: Body, random: Random, news: tuple[str, ...]) -> Body:
    """News at the end or after the first paragraph, and often a line that says so."""
    at = 1 if random.random() < 0.3 else len(body)
    note = (("This story has been updated with further details.",),) if random.random() < 0.6 else ()
    return (*body[:at], news, *body[at:], *note)


_STRAIGHT = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'})
_CURLY = str.maketrans({"'": "\u2019", '"': "\u201d"})
_OPENING_QUOTE = re.compile('(^|[\\s(\\[\u2013\u2014-])"')
_ODD_SPACES = (" ", "\u00a0", "\n", " \t")


def retypeset(body: Body, random: Random) -> Body:
    """The same words with curly quotes where they were straight (straight where all were curly), and other spaces."""
    text = text_of(body)
    straighten = '"' not in text and "'" not in text
    quoted = (tuple(_requote(sentence, straighten) for sentence in paragraph) for paragraph in body)
    return tuple(tuple(_respace(sentence, random) for sentence in paragraph) for paragraph in quoted)


def _requote(sentence: str, straighten: bool) -> str:
    if straighten:
        return sentence.translate(_STRAIGHT)
    return _OPENING_QUOTE.sub("\\1\u201c", sentence).translate(_CURLY)


def _respace(sentence: str, random: Random) -> str:
    words = sentence.split(" ")
    for _ in range(1 + len(words) // 8):
        place = int(random.random() * len(words))
        words[place] += _ODD_SPACES[int(random.random() * len(_ODD_SPACES))]
    return " ".join(words)


# How much is left.


def tokens(text: str) -> list[str]:
    r"""The words by which likeness is told: `\w+` of the lower-cased text."""
    return _WORD.findall(text.lower())


def shingles(words: list[str], length: int) -> set[tuple[str, ...]]:
    """All runs of so many neighbouring words."""
    return set(zip(*(words[start:] for start in range(length)), strict=False))


def jaccard(one: set[tuple[str, ...]], other: set[tuple[str, ...]]) -> float:
    """Shared shingles over all shingles of both, 0 where there are none."""
    shared = len(one & other)
    union = len(one) + len(other) - shared
    return shared / union if union else 0.0


def _words(line: str, count: int) -> str:
    return " ".join(line.split()[:count]).rstrip(",.:;—-–'\"“‘(")
