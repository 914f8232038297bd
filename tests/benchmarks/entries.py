"""Records as entries of a site, and saved feeds made of them: RSS, Atom and JSON Feed as ordinary sites write them."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from html import escape
from random import Random

from tests.benchmarks.stories import Body, text_of

FORMATS = ("rss", "atom", "json")

_PLACES = "Harbor Ridgefield Stonebridge Lakewood Fairmont Northgate Ashford Millbrook Eastport Kingsley".split()
_PAPERS = "Courier Herald Post Observer Wire".split()

STANDING_LINES = (
    "Sign up for our free morning newsletter and get the stories that matter in your inbox before breakfast.",
    "Follow us on social media for breaking news alerts, live video and behind-the-scenes reporting from our newsroom.",
    "{name} is an independent newsroom that is funded by its readers and answers to nobody else.",
    "Do you have a tip or a correction? Write to our editors at tips@{host} at any time.",
    "Read more: The five questions everyone is asking about the week ahead, and what we know so far.",
    "Support local journalism: a subscription costs less than a cup of coffee a week and can be ended at any time.",
    "The views expressed in comments are those of their authors and do not reflect the position of {name}.",
    "Download our app for iOS and Android to read the news offline and to save articles for later.",
    "All photographs are by staff photographers unless stated otherwise; reuse needs written permission.",
    "Related: Our full coverage of this topic, with maps, timelines and interviews, is collected on one page.",
    "Comments on this article close after three days; please keep them civil and on the subject.",
    "This page is updated when new facts become known; corrections are listed at the foot of the page.",
    "Members of {name} get access to the archive, to weekly briefings and to events with our reporters.",
    "Most read today: weather, traffic, letters to the editor, and the crossword with its solution.",
    "Listen to our daily podcast wherever you get your podcasts, with a new episode every weekday at six.",
    "Our ethics policy, our owners and the names of all editors are published on the page about us.",
    "If you buy something through a link on this page, we may earn a small commission at no cost to you.",
    "Share this article with friends and colleagues, or print it without advertisements for your files.",
)
"""What sites put around articles. A site uses them in an order of its own."""

_REFERENCES = {0x2018: "&#8216;", 0x2019: "&#8217;", 0x201C: "&#8220;", 0x201D: "&#8221;", 0x00A0: "&nbsp;"}

_ZONES = (0, -5, 0, 1, -8)


@dataclass(frozen=True)
class Site:
    """A news site and its habits. `footer` stands under each of its own articles, on two sites of five."""

    number: int
    name: str
    place: str
    host: str
    format: str
    standing: tuple[str, ...]
    footer: str

    @property
    def url(self) -> str:
        """The home page."""
        return f"https://{self.host}/"

    @property
    def feed_url(self) -> str:
        """Where its feed stands."""
        return self.url + {"rss": "feed/", "atom": "atom.xml", "json": "feed.json"}[self.format]


@dataclass(frozen=True)
class Entry:
    """One article as a site gives it. Times are aware."""

    url: str
    guid: str
    title: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    published: datetime
    updated: datetime
    body: Body
    number: int

    @property
    def text(self) -> str:
        """The body as plain text."""
        return text_of(self.body)

    @property
    def summary(self) -> str:
        """The first 45 words, as blog software makes it."""
        words = self.text.split()
        return " ".join(words[:45]) + (" […]" if len(words) > 45 else "")


def site(number: int) -> Site:
    """The site of this number."""
    place = _PLACES[number % len(_PLACES)]
    paper = _PAPERS[number // len(_PLACES) % len(_PAPERS)]
    name = f"{place} {paper}"
    host = f"www.{place.lower()}{paper.lower()}.example"
    lines = [line.format(name=name, host=host.removeprefix("www.")) for line in STANDING_LINES]
    Random(f"site/{number}").shuffle(lines)
    footer = {3: "The post {title} appeared first on {name}.", 4: " ".join(lines[-2:])}.get(number % 5, "")
    return Site(number, name, place, host, FORMATS[number % 3], tuple(lines[:-2]), footer)


def with_footer(body: Body, at: Site, title: str) -> Body:
    """A body with what its site puts under every article."""
    return (*body, (at.footer.replace("{title}", title).replace("{name}", at.name),)) if at.footer else body


def address(at: Site, published: datetime, title: str, number: int) -> tuple[str, str]:
    """URL and guid of an article, both unlike any other's: the number is in them."""
    slug = "-".join(re.findall(r"[a-z0-9]+", title.lower())[:9])
    match at.number % 4:
        case 0:
            return f"{at.url}{published:%Y/%m/%d}/{slug}-{number}/", f"{at.url}?p={number}"
        case 1:
            url = f"{at.url}news/{slug}-{number}.html"
            return url, url
        case 2:
            return f"{at.url}article/{number}/{slug}", f"tag:{at.host},2024:article/{number}"
        case _:
            digest = hashlib.md5(f"{at.host}/{number}".encode(), usedforsecurity=False).hexdigest()
            return f"{at.url}{published:%Y/%m}/{slug}-{digest[:6]}-{number}", f"urn:md5:{digest}"


def html_of(body: Body, at: Site, number: int) -> str:
    """A body as HTML with the same words: paragraphs, here and there a link or emphasis, an image on some."""
    random = Random(number)
    parts = []
    if number % 3 == 0:
        parts.append(f'<figure><img src="{at.url}media/{number}.jpg" alt="" width="1024" height="683" /></figure>')
    for paragraph in body:
        text = escape(" ".join(paragraph), quote=False)
        if random.random() < 0.3:
            text = _mark_up(text, at, random)
        parts.append(f"<p>{text}</p>")
    html = "\n".join(parts)
    if at.number % 3 == 0:  # blog software writes typographic characters as references
        html = html.translate(_REFERENCES)
    return html


def _mark_up(text: str, at: Site, random: Random) -> str:
    words = text.split(" ")
    place = int(random.random() * len(words))
    if not words[place]:
        return text
    if random.random() < 0.6:
        words[place] = f'<a href="{at.url}topic/{int(random.random() * 500)}" rel="noopener">{words[place]}</a>'
    else:
        words[place] = f"<em>{words[place]}</em>"
    return " ".join(words)


def feed(at: Site, entries: list[Entry], fetched: datetime) -> bytes:
    """A saved feed of a site in the format that it uses."""
    return {"rss": _rss, "atom": _atom, "json": _json_feed}[at.format](at, entries, fetched).encode()


def _rss(at: Site, entries: list[Entry], fetched: datetime) -> str:
    zone = timezone(timedelta(hours=_ZONES[at.number % 5]))
    items = []
    for entry in entries:
        categories = "".join(f"<category><![CDATA[{name}]]></category>" for name in entry.categories)
        image = ""
        if entry.number % 3 == 0:
            image = f'<enclosure url="{at.url}media/{entry.number}.jpg" length="81920" type="image/jpeg" />\n'
        permanent = "true" if entry.guid == entry.url else "false"
        items.append(
            f"<item>\n<title>{escape(entry.title, quote=False)}</title>\n<link>{entry.url}</link>\n"
            f"<dc:creator><![CDATA[{', '.join(entry.authors)}]]></dc:creator>\n"
            f"<pubDate>{format_datetime(entry.published.astimezone(zone))}</pubDate>\n{categories}\n"
            f'<guid isPermaLink="{permanent}">{escape(entry.guid)}</guid>\n{image}'
            f"<description><![CDATA[<p>{escape(entry.summary, quote=False)}</p>]]></description>\n"
            f"<content:encoded><![CDATA[{html_of(entry.body, at, entry.number)}]]></content:encoded>\n</item>\n"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">\n'
        f"<channel>\n<title>{at.name}</title>\n"
        f'<atom:link href="{at.feed_url}" rel="self" type="application/rss+xml" />\n'
        f"<link>{at.url}</link>\n<description>News from {at.place}</description>\n<language>en-US</language>\n"
        f"<lastBuildDate>{format_datetime(fetched.astimezone(zone))}</lastBuildDate>\n"
        f"{''.join(items)}</channel>\n</rss>\n"
    )


def _atom(at: Site, entries: list[Entry], fetched: datetime) -> str:
    items = []
    for entry in entries:
        authors = "".join(f"<author><name>{escape(name)}</name></author>" for name in entry.authors)
        categories = "".join(f'<category term="{name}" />' for name in entry.categories)
        items.append(
            f'<entry>\n<title type="html">{escape(escape(entry.title, quote=False))}</title>\n'
            f'<link rel="alternate" type="text/html" href="{entry.url}" />\n<id>{escape(entry.guid)}</id>\n'
            f"<published>{_iso(entry.published)}</published>\n<updated>{_iso(entry.updated)}</updated>\n{authors}\n"
            f'{categories}\n<summary type="html">{escape(escape(entry.summary, quote=False))}</summary>\n'
            f'<content type="html">{escape(html_of(entry.body, at, entry.number))}</content>\n</entry>\n'
        )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en">\n'
        f'<title>{at.name}</title>\n<link rel="self" href="{at.feed_url}" />\n<link href="{at.url}" />\n'
        f"<id>{at.url}</id>\n<updated>{_iso(fetched)}</updated>\n{''.join(items)}</feed>\n"
    )


def _json_feed(at: Site, entries: list[Entry], fetched: datetime) -> str:
    items = []
    for entry in entries:
        item = {
            "id": entry.guid,
            "url": entry.url,
            "title": entry.title,
            "content_html": html_of(entry.body, at, entry.number),
            "summary": entry.summary,
            "date_published": _iso(entry.published),
            "date_modified": _iso(entry.updated),
            "authors": [{"name": name} for name in entry.authors],
            "tags": list(entry.categories),
        }
        if entry.number % 3 == 0:
            item["image"] = f"{at.url}media/{entry.number}.jpg"
        items.append(item)
    head = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": at.name,
        "home_page_url": at.url,
        "feed_url": at.feed_url,
        "language": "en",
        "items": items,
    }
    return json.dumps(head, ensure_ascii=False, indent=1) + "\n"


def record_line(at: Site, entry: Entry, fetched: datetime) -> bytes:
    """An entry as a line of JSONL."""
    row = {
        "url": entry.url,
        "guid": entry.guid,
        "feed_url": at.feed_url,
        "site": at.host,
        "title": entry.title,
        "text": entry.text,
        "summary": entry.summary,
        "authors": list(entry.authors),
        "categories": list(entry.categories),
        "published": _iso(entry.published),
        "updated": _iso(entry.updated),
        "fetched": _iso(fetched),
    }
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
