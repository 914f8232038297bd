import pytest
from lxml import html

from transforms.text.page_kinds import is_article

SENTENCE = "The harbour authority said on Tuesday that the new ferry will sail from the first of May. "
STORY = "\n\n".join([SENTENCE * 3] * 3)
WALL = "We use cookies and similar technologies.\n\nYou may withdraw your consent.\n\nAccept all."


def kind(body: str, text: str, declared: bool | None = None) -> bool | None:
    return is_article(html.document_fromstring(f"<body>{body}</body>"), text, declared)


def paragraphs(text: str) -> str:
    return "".join(f"<p>{paragraph}</p>" for paragraph in text.split("\n\n"))


def teasers(number: int, text: str = "Read how it was.") -> str:
    return f"<h2><a href='/x'>The ferry will sail in May</a></h2><p>{text}</p>" * number


@pytest.mark.parametrize("declared", [True, False])
def test_what_the_page_declares_is_believed(declared: bool) -> None:
    assert kind(teasers(20), "", declared) is declared
    assert kind(paragraphs(STORY), STORY, declared) is declared


def test_a_long_text_among_few_links_is_an_article() -> None:
    assert kind(paragraphs(STORY), STORY) is True


def test_links_that_stand_aside_do_not_count() -> None:
    aside = "".join(f"<{tag}>{teasers(30)}</{tag}>" for tag in ("nav", "header", "footer", "aside"))
    assert kind(aside + paragraphs(STORY), STORY) is True


def test_many_linked_headings_with_little_text_are_an_index() -> None:
    assert kind(teasers(5), "Read how it was.\n\n" * 5) is False
    assert kind(teasers(4), "Read how it was.\n\n" * 4) is None
    linked = "<a href='/x'><h3>The ferry will sail in May</h3></a>" * 5
    assert kind(linked, "") is False


def test_a_long_text_is_no_index_for_the_stories_below_it() -> None:
    assert kind(paragraphs(STORY * 3) + teasers(8), STORY * 3) is True


def test_a_story_of_its_own_among_many_teasers_is_no_index_but_not_known_either() -> None:
    assert kind(f"<article>{paragraphs(STORY)}</article><section>{teasers(30)}</section>", STORY) is None
    in_cards = "".join(f"<div>{teasers(1, SENTENCE)}</div>" for _ in range(8))
    assert kind(in_cards, SENTENCE * 8) is False


def test_a_page_that_is_mostly_links_is_an_index() -> None:
    assert kind("<ul>" + "<li><a href='/x'>The ferry will sail in May</a></li>" * 20 + "</ul>", "Ferries") is False


def test_a_short_text_is_not_known() -> None:
    assert kind(paragraphs(SENTENCE), SENTENCE) is None
    assert kind("", "") is None


@pytest.mark.parametrize(
    "text",
    [
        WALL,
        "Wir und unsere Partner verwenden Cookies.\n\nSie können Ihre Einwilligung widerrufen.",
        "Nous utilisons des cookies.\n\nVotre consentement est libre.\n\nFermer",
    ],
)
def test_a_cookie_wall_is_no_article_whatever_it_declares(text: str) -> None:
    assert kind(paragraphs(text), text, True) is False


def test_a_story_about_cookies_is_no_cookie_wall() -> None:
    about = "The regulator fined the shop over cookies.\n\nIt had asked for no consent, the regulator said."
    assert kind(paragraphs(about), about, True) is True
    quoted = f"“We use cookies like anybody else”, the shop said.\n\n{STORY}"
    assert kind(paragraphs(quoted), quoted, True) is True
    below = f"{STORY * 3}\n\nWe use cookies. You may withdraw your consent."
    assert kind(paragraphs(below), below) is True
