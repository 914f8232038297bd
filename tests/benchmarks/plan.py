"""Who copies whom, where and when: every record of a corpus as one row of columns, about 60 bytes each.

Of 100 articles 70 are stories, 10 exact and 20 near copies of one of them; 2 hard negatives per 100 stand beside them.
A quarter of the stories are syndicated: all copies are copies of those, so a story that is copied has two copies on
average, and some have eight. A copy is dated hours to days after its original (one in twenty a little before it), and
a record arrives with the first poll of its site after its date. So arrival is not the order of dates, and a copy
sometimes comes in before its original, as it is with real feeds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
from numpy.typing import NDArray

KINDS = ("story", "exact", "near", "hard_negative")
STORY, EXACT, NEAR, HARD_NEGATIVE = range(4)

EXACT_KINDS = ("refetch", "url", "feed", "retypeset")
NEAR_KINDS = ("credit", "boilerplate", "edit", "cut", "lede", "update")
COPY_KINDS = ("", *EXACT_KINDS, *NEAR_KINDS)
"""What `Plan.copy_kind` counts. refetch: same URL in a later poll; url: other URL on the same site; feed: another site;
retypeset: another site, other quotes and white space. The near kinds are told in `stories`."""

ENTRIES_PER_FILE = 10_000 / 334
"""About 30, so that 10,000 articles are 334 files and 100,000 are 3,340 (without the hard negatives)."""

SITES = 30
ARTICLES_PER_DAY = 4_000
MIN_DAYS = 2
START = datetime(2024, 3, 1, tzinfo=UTC)

SYNDICATED_SHARE = 0.25
EARLY_SHARE = 0.05
MEDIAN_LAG_HOURS = 14
MAX_LAG_DAYS = 10
HOUR, DAY = 3_600, 86_400

_EXACT_OF_20 = (5, 4, 6, 5)  # how many of 20 exact copies are of each of EXACT_KINDS


@dataclass(frozen=True)
class PollFile:
    """One saved feed: the poll of a site, in seconds since START."""

    site: int
    second: int

    @property
    def moment(self) -> datetime:
        """When it was fetched."""
        return START + timedelta(seconds=self.second)


@dataclass(frozen=True)
class Plan:
    """The records of a corpus, in columns of equal length; `files` in order of arrival.

    `story` is the number of the story a record tells (the group in which all are copies of each other); `original` the
    record copied, or for a hard negative the record it shares a passage with, else -1. `second` is the date since
    START. `same_url` is the record whose URL and guid it has, else itself. `position` counts in its file, newest first.
    """

    seed: int
    kind: NDArray[np.int8]
    copy_kind: NDArray[np.int8]
    story: NDArray[np.int32]
    original: NDArray[np.int32]
    same_url: NDArray[np.int32]
    site: NDArray[np.int16]
    second: NDArray[np.int32]
    file: NDArray[np.int32]
    position: NDArray[np.int32]
    files: tuple[PollFile, ...]
    sites: int

    def __len__(self) -> int:
        """Records."""
        return len(self.kind)

    def rows_by_file(self) -> list[NDArray[np.int64]]:
        """The records of each file, in the order of their positions."""
        order = np.lexsort((self.position, self.file))
        return np.split(order, np.searchsorted(self.file[order], np.arange(1, len(self.files))))


def plan_corpus(articles: int, seed: int) -> Plan:
    """The plan of a corpus of so many articles (hard negatives come on top). Equal arguments, equal plan.

    Raises ValueError under 20 articles, which would lack some kinds.
    """
    if articles < 20:
        raise ValueError(f"{articles} articles: a corpus has 20 at least")
    random = Random(f"{seed}/plan")
    exact, near, hard = round(articles * 0.1), round(articles * 0.2), max(1, round(articles * 0.02))
    stories = articles - exact - near
    total = articles + hard
    sites = min(SITES, max(3, articles // 90))
    days = max(MIN_DAYS, articles / ARTICLES_PER_DAY)
    period = int(days * DAY)
    files = _polls(max(sites, round(articles / ENTRIES_PER_FILE)), sites, period, random)

    kind = np.repeat(np.array([STORY, EXACT, NEAR, HARD_NEGATIVE], np.int8), [stories, exact, near, hard])
    copy_kind = np.zeros(total, np.int8)
    story = np.arange(total, dtype=np.int32)
    original = np.full(total, -1, np.int32)
    same_url = np.arange(total, dtype=np.int32)
    site = np.zeros(total, np.int16)
    second = np.zeros(total, np.int32)
    file = np.zeros(total, np.int32)

    polls = _Polls(files, sites)
    syndicated = max(1, int(stories * SYNDICATED_SHARE))
    exact_kinds = [name for name, count in zip(EXACT_KINDS, _EXACT_OF_20, strict=True) for _ in range(count)]
    taken: set[tuple[int, int]] = set()
    for row in range(total):
        if kind[row] in (STORY, HARD_NEGATIVE):
            site[row] = int(random.random() * sites)
            second[row] = int(random.random() * period)
            file[row] = polls.next(int(site[row]), int(second[row]))
            if kind[row] == HARD_NEGATIVE:
                original[row] = int(random.random() * stories)
            continue
        source = int(random.random() * syndicated)
        original[row] = story[row] = source
        number = row - stories if kind[row] == EXACT else row - stories - exact
        name = exact_kinds[number % 20] if kind[row] == EXACT else NEAR_KINDS[number % len(NEAR_KINDS)]
        lag = _lag(random, int(second[source]), period)
        same_site = name in ("refetch", "url", "update")
        if name == "refetch" or (name == "update" and number % 12 < 6):  # every second update keeps its URL
            later = polls.after(int(file[source]))
            while later is not None and (later, source) in taken:
                later = polls.after(later)
            if later is not None:
                taken.add((later, source))
                same_url[row], site[row], second[row], file[row] = source, site[source], second[source], later
                copy_kind[row] = COPY_KINDS.index(name)
                continue
            name = "url" if name == "refetch" else name  # no later poll in the corpus
        other = (int(site[source]) + 1 + int(random.random() * (sites - 1))) % sites
        site[row] = site[source] if same_site else other
        second[row] = int(second[source]) + lag
        file[row] = polls.next(int(site[row]), int(second[row]))
        copy_kind[row] = COPY_KINDS.index(name)

    order = np.lexsort((np.arange(total), -second, file))
    starts = np.searchsorted(file[order], file[order])
    position = np.empty(total, np.int32)
    position[order] = np.arange(total) - starts
    return Plan(seed, kind, copy_kind, story, original, same_url, site, second, file, position, files, sites)


def _polls(count: int, sites: int, period: int, random: Random) -> tuple[PollFile, ...]:
    """Polls of all sites, each site's evenly spread with some jitter, its last at the end of the period."""
    polls = []
    for site in range(sites):
        own = count // sites + (site < count % sites)
        interval = period / own
        for turn in range(own):
            early = random.random()
            last = turn == own - 1
            polls.append(PollFile(site, int(period + early * HOUR if last else (turn + 1 - early * 0.4) * interval)))
    return tuple(sorted(polls, key=_arrival))


def _arrival(poll: PollFile) -> tuple[int, int]:
    return poll.second // 60, poll.site  # as the file names sort


class _Polls:
    """The polls of each site, to find the one in which a date arrives."""

    def __init__(self, files: tuple[PollFile, ...], sites: int) -> None:
        numbers: list[list[int]] = [[] for _ in range(sites)]
        self._after: dict[int, int] = {}
        for number, poll in enumerate(files):
            if numbers[poll.site]:
                self._after[numbers[poll.site][-1]] = number
            numbers[poll.site].append(number)
        self._numbers = numbers
        self._seconds = [np.array([files[number].second for number in own]) for own in numbers]

    def next(self, site: int, second: int) -> int:
        """The first poll of a site at or after a date."""
        return self._numbers[site][int(np.searchsorted(self._seconds[site], second))]

    def after(self, file: int) -> int | None:
        """The next poll of the same site."""
        return self._after.get(file)


def _lag(random: Random, second: int, period: int) -> int:
    """Seconds from an original to its copy; where the corpus ends before, at random in what is left of it."""
    if random.random() < EARLY_SHARE:
        return -min(second, int(random.random() * 2 * HOUR))
    lag = min(random.lognormvariate(0, 1.2) * MEDIAN_LAG_HOURS * HOUR, MAX_LAG_DAYS * DAY)
    return int(lag) if second + lag < period else int(random.random() * (period - second))
