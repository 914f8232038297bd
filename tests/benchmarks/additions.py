"""Feeds that arrive after a corpus: mostly new articles, a fifth of them copies of articles of the corpus.

They are dated a day after its end. New stories come from another seed, so they share sentences with stories of the
corpus no more than by chance. Copies are of stories all over the corpus, so that whoever finds them has looked into all
of its index: every second one as its author wrote it (equal to the row in the index, but for what some sites put under
their articles), the others with a line of credit.
"""

from datetime import datetime, timedelta
from pathlib import Path

from tests.benchmarks.entries import Entry, Site, address, feed, site
from tests.benchmarks.plan import ARTICLES_PER_DAY, MIN_DAYS, SITES, START
from tests.benchmarks.sentences import sentence_grid
from tests.benchmarks.stories import StoryWriter, credit

COPY_EVERY = 5
_STORY_SHARE = 0.7
_FIRST_NUMBER = 100_000_000  # of URLs and guids: no corpus has so many
_OTHER_SEED = 1_000


def write_additions(
    folder: Path, corpus: int, seed: int, articles: int, entries_a_file: int, first: int = 0, name: str = "added"
) -> int:
    """Writes so many articles under the folder, and says how many are copies of articles of the corpus.

    `corpus` and `seed` are those of the corpus. Additions of different `name` and disjoint ranges from `first` on have
    no URL, file or story in common. Equal arguments give equal bytes.
    """
    known = StoryWriter(seed, sentence_grid(seed))
    new = StoryWriter(seed + _OTHER_SEED, sentence_grid(seed + _OTHER_SEED))
    stories = int(corpus * _STORY_SHARE)
    begin = START + timedelta(days=max(MIN_DAYS, corpus / ARTICLES_PER_DAY) + 1)
    folder.mkdir(parents=True, exist_ok=True)
    copies = 0
    for number, start in enumerate(range(0, articles, entries_a_file)):
        at = site(number % SITES)
        fetched = begin + timedelta(minutes=first + number)
        entries = []
        for place in range(start, min(start + entries_a_file, articles)):
            published = fetched - timedelta(minutes=1 + place - start)
            if place % COPY_EVERY == 0:
                copied = (place * stories // articles + first) % stories
                entries.append(_copy(known, copied, first + place, at, published, copies % 2 == 1))
                copies += 1
            else:
                entries.append(_new(new, first + place, at, published))
        ending = {"rss": "rss.xml", "atom": "atom.xml", "json": "json"}[at.format]
        (folder / f"{name}-{number:05d}.{ending}").write_bytes(feed(at, entries, fetched))
    return copies


def _new(writer: StoryWriter, number: int, at: Site, published: datetime) -> Entry:
    story = writer.story(number)
    url, guid = address(at, published, story.title, _FIRST_NUMBER + number)
    return Entry(url, guid, story.title, story.authors, story.categories, published, published, story.body, number)


def _copy(writer: StoryWriter, copied: int, number: int, at: Site, published: datetime, credited: bool) -> Entry:
    story = writer.story(copied)
    body = credit(story.body, writer.random("addition", number), at.name, at.place) if credited else story.body
    url, guid = address(at, published, story.title, _FIRST_NUMBER + number)
    return Entry(url, guid, story.title, story.authors, story.categories, published, published, body, number)
