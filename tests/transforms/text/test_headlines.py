import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.headlines import split_headline

ROOT = Path(__file__).parents[3]

SPLIT = [
    # Nothing is known of the site.
    ("Ferry sinks in harbour - BBC News", None, None, "Ferry sinks in harbour", "BBC News"),
    ("Ferry sinks in harbour – Reuters", None, None, "Ferry sinks in harbour", "Reuters"),
    ("Ferry sinks in harbour — The New York Times", None, None, "Ferry sinks in harbour", "The New York Times"),
    ("Ferry sinks in harbour | CNN", None, None, "Ferry sinks in harbour", "CNN"),
    ("Ferry sinks in harbour | The Guardian", None, None, "Ferry sinks in harbour", "The Guardian"),
    ("Ferry sinks • Al Jazeera", None, None, "Ferry sinks", "Al Jazeera"),
    ("Ferry sinks•Euronews", None, None, "Ferry sinks", "Euronews"),
    ("Ferry sinks :: USA Today", None, None, "Ferry sinks", "USA Today"),
    ("Ferry sinks - harbourpost.com", None, None, "Ferry sinks", "harbourpost.com"),
    ("Ferry sinks – www.harbour-post.co.uk", None, None, "Ferry sinks", "www.harbour-post.co.uk"),
    ("Fähre gesunken - tagesschau.de", None, None, "Fähre gesunken", "tagesschau.de"),
    ("Fähre gesunken - DER SPIEGEL", None, None, "Fähre gesunken", "DER SPIEGEL"),
    ("Un ferry a coulé - Le Monde", None, None, "Un ferry a coulé", "Le Monde"),
    ("Se hunde un ferry | EL PAÍS", None, None, "Se hunde un ferry", "EL PAÍS"),
    ("Ferry sinks in harbour | The Harbour Times", None, None, "Ferry sinks in harbour", "The Harbour Times"),
    ("Ferry sinks in harbour | Harbour Daily", None, None, "Ferry sinks in harbour", "Harbour Daily"),
    ("Ferry sinks in harbour :: Miami Herald", None, None, "Ferry sinks in harbour", "Miami Herald"),
    ("Ferry sinks in harbour • Bangor Daily News", None, None, "Ferry sinks in harbour", "Bangor Daily News"),
    ("Fähre sinkt im Hafen | Frankfurter Rundschau", None, None, "Fähre sinkt im Hafen", "Frankfurter Rundschau"),
    (
        "Traghetto affonda in porto | Corriere della Sera",
        None,
        None,
        "Traghetto affonda in porto",
        "Corriere della Sera",
    ),
    ("Balsa afunda no porto | Jornal de Notícias", None, None, "Balsa afunda no porto", "Jornal de Notícias"),
    ("Ferry – the last of its kind – sinks - BBC News", None, None, "Ferry – the last of its kind – sinks", "BBC News"),
    ("Opinion | Why the ferry sank | The Hill", None, None, "Opinion | Why the ferry sank", "The Hill"),
    ("Ferry sinks in harbour | BBC News | BBC News", None, None, "Ferry sinks in harbour", "BBC News"),
    ("Ferry sinks in harbour | The Harbour Times | CNN", None, None, "Ferry sinks in harbour", "CNN"),
    ("Bombs kill 20 - Wikinews, the free news source", None, None, "Bombs kill 20", "Wikinews, the free news source"),
    # The name of the site is known.
    ("Ferry sinks - The Daily", "The Daily", None, "Ferry sinks", "The Daily"),
    ("Ferry sinks - Daily", "The Daily", None, "Ferry sinks", "Daily"),
    ("Ferry sinks – THE DAILY", "The Daily", None, "Ferry sinks", "THE DAILY"),
    ("Ferry sinks | Site", "Site", None, "Ferry sinks", "Site"),
    ("Site | Ferry sinks", "Site", None, "Ferry sinks", "Site"),
    ("The Daily - Ferry sinks", "The Daily", None, "Ferry sinks", "The Daily"),
    ("Ferry sinks — It’s Nice That", "It's Nice That", None, "Ferry sinks", "It’s Nice That"),
    ("Ferry sinks - Harbour Post", "Harbour Post Online", None, "Ferry sinks", "Harbour Post"),
    ("Ferry sinks - Harbour Post", "Home | Harbour Post", None, "Ferry sinks", "Harbour Post"),
    ("Home | Site", "Site", None, "Home", "Site"),
    ("Ferry - once more - sinks - Dawn", "Dawn", None, "Ferry - once more - sinks", "Dawn"),
    ("Ferry sinks :: Kanal 5", "Kanal 5", None, "Ferry sinks", "Kanal 5"),
    # Its address is known.
    ("Ferry sinks - Harbour Post", None, "harbourpost.example", "Ferry sinks", "Harbour Post"),
    ("Ferry sinks - The Harbour Post", None, "www.harbour-post.example", "Ferry sinks", "The Harbour Post"),
    ("Ferry sinks – Dawn", None, "dawn.com", "Ferry sinks", "Dawn"),
    ("Dawn – Ferry sinks", None, "dawn.com", "Ferry sinks", "Dawn"),
    ("Ferry sinks - New York Times", None, "nytimes.com", "Ferry sinks", "New York Times"),
    ("Ferry sinks - KTVU News", None, "ktvu.com", "Ferry sinks", "KTVU News"),
    ("Ferry sinks - Swissinfo.ch", None, "swissinfo.ch", "Ferry sinks", "Swissinfo.ch"),
    ("Ferry sinks — Meduza", None, "meduza.io", "Ferry sinks", "Meduza"),
    ("Ferry sinks — Harbour Post", "Harbour Post", "elsewhere.example", "Ferry sinks", "Harbour Post"),
]

WHOLE = [
    ("Ukraine – Russia talks stall", "Ukraine | The Guardian", "www.theguardian.com"),
    ("Germany - France 2:1", "Germany - The Local", "thelocal.de"),
    ("Lisa Loeb Paved Her Own Way In The '90s — A Rare Feat For Independent Artists", None, None),
    ("Spirituality Has A New Face — And It’s Queer As Hell", None, None),
    ("Jimmy Fallon: Elon Musk Now Owns The Heavens — And Twitter Hell", None, None),
    ("U.S. Hits Record Coronavirus Deaths In A Single Day — Again", None, None),
    ("The Funniest Tweets From Parents This Week (May 29 - June 4)", None, None),
    ("Why Letter Writing – And Receiving – Is More Important Than Ever", None, None),
    ("Trump Hates The Iran Deal And May Kill It – Even If He Still Doesn’t Understand It", None, None),
    ("WATCH LIVE — A New Labor Movement", None, None),
    ("Mayor resigns - Fake News", None, None),
    ("We are back – Hard Times", None, None),
    ("Ferry sinks - The Daily", None, None),
    ("Ferry sinks - Dawn", None, None),
    ("Ferry sinks – live updates", None, None),
    ("Ferry sinks – as it happened", None, None),
    ("Ferry sinks - 20 dead", None, None),
    ("Ferry sinks - minister", None, None),
    ("Ferry sinks - Police", None, None),
    ("Ferry sinks — The Inside Story", None, None),
    ("Liverpool 2 - 1 Everton", None, None),
    ("Liverpool 2 – 1 Everton", None, None),
    ("Paris - Roubaix", None, None),
    ("Paris – Roubaix: a day in hell", None, None),
    ("Monday - Friday", None, None),
    ("1914 – 1918", None, None),
    ("Ferry-sinking: a follow-up", None, None),
    ("Brexit - what next?", None, None),
    ("Brexit - So What's The News?", None, None),
    ("Opinion | The Case for Local News", None, None),
    ("Opinion | Ferries Must Be Safe", None, None),
    ("Live | Ferry sinks in harbour", None, None),
    ("Photos | Fire in Dhaka", None, None),
    ("Cyclone nears the coast | Schools Shut", None, None),
    ("Cyclone nears the coast | what we know from the news", None, None),
    ("Cyclone nears the coast | All You Need To Know About The News Today", None, None),
    ("Ferry sinks | Video", None, None),
    ("Ferry sinks | Interview", None, None),
    ("Weather | Daily", None, None),
    ("std::vector is slow, says a study", None, None),
    ("C++ :: the good parts", None, None),
    ("BBC News - a history of the Guardian", None, None),
    ("BBC News – Ferry sinks", None, None),
    ("Why we like it – Node.js", None, None),
    ("Ten years of ASP.NET – ASP.NET", None, None),
    ("‘I am not running’ – Bloomberg", None, None),
    ("Reuters", None, None),
    ("- Reuters", None, None),
    ("Reuters - ", None, None),
    ("", None, None),
    ("Israel strikes — Iran", "Iran International", "iranintl.com"),
    ("Ferry sinks - Harbour", "Harbour Post", None),
    ("Ferry sinks - Post", "Harbour Post", "harbourpost.example"),
    ("Facebook's Oversight Board Upholds Ban — A Big Catch", None, "abc.example"),
    ("Ferry sinks - com", None, "harbourpost.com"),
    ("Ferry sinks — The Harbour", "The Harbour Post", "harbourpost.example"),
    ("The new day dawns – at dawn", "Dawn", "dawn.com"),
]


@pytest.mark.parametrize(("title", "site_name", "site", "headline", "name"), SPLIT)
def test_the_name_of_the_site_comes_off(
    title: str, site_name: str | None, site: str | None, headline: str, name: str
) -> None:
    assert split_headline(title, site_name, site) == (headline, name)


@pytest.mark.parametrize(("title", "site_name", "site"), WHOLE)
def test_a_headline_with_a_dash_or_bar_of_its_own_stays_whole(
    title: str, site_name: str | None, site: str | None
) -> None:
    assert split_headline(title, site_name, site) == (title, None)


@pytest.mark.parametrize("name", ["huffpost", "wikinews"])
def test_no_headline_of_real_news_is_split(name: str) -> None:
    """HuffPost: CC BY 4.0, Rishabh Misra; Wikinews: CC BY 2.5, Wikinews contributors."""
    with gzip.open(ROOT / "tests" / "benchmarks" / "data" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    titles = [row.get("headline") or row["title"] for row in rows]
    assert [title for title in titles if split_headline(title, "HuffPost", "huffpost.com") != (title, None)] == []


@given(
    st.lists(st.sampled_from(["Ferry", "sinks", "-", "|", "•", "::", "BBC News", "Dawn", "Daily Post", "The"])).map(
        " ".join
    ),
    st.sampled_from([None, "Dawn", "The Daily Post"]),
)
def test_what_is_left_is_a_headline_without_a_site(title: str, site_name: str | None) -> None:
    headline, name = split_headline(title, site_name)
    assert split_headline(headline, site_name) == (headline, None)
    assert (name is None) == (headline == title)
    assert bool(headline) == bool(title)
