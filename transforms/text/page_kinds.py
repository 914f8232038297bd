"""Whether a page is an article: what it declares, unless its text is a cookie wall; else how much of it is links.

1. A short text that says "we use cookies", and of which most paragraphs speak of consent, is a cookie wall, whatever
   the head says: the head is the article's, the text is not.
2. What the page declares (`page_metadata`).
3. Many headings that are links, with little text for each, and few words in paragraphs that do not stand beside such a
   heading; or more text in links than outside: an index.
4. A text of 100 words and more, with few linked headings and a quarter of the page's text in links at most: an
   article.
5. Else it is not known. Live blogs and galleries are articles.

Navigation, headers, footers and asides do not count for 3 and 4.
"""

import re
from typing import Any, Final

_WALL_WORDS: Final = 250
"""A cookie wall that lists its partners has more, but trafilatura leaves lists of links out."""
_CONSENT: Final = re.compile(
    r"cookies?\b|\bconsent|\bgdpr\b|einwillig|zustimm|datenschutz|consentement|consentimiento|consenso|toestemming"
    r"|personal data|personenbezogen|données personnelles|datos personales|dati personali|privacy",
    re.IGNORECASE,
)
_WE_USE_COOKIES: Final = re.compile(
    r"\b(?:we|wir|nous|noi|wij|utilizamos|usamos|utilizziamo|usiamo|używamy)\b[^.!?\n]{0,100}\bcookies?\b",
    re.IGNORECASE,
)
"""Who says so asks; a story about cookies speaks of others."""
_LINKED_HEADINGS: Final = 5
_WORDS_A_HEADING: Final = 40
"""A teaser has up to two sentences."""
_STORY_PARAGRAPH_WORDS: Final = 15
_ARTICLE_WORDS: Final = 100
_MAX_LINK_SHARE: Final = 0.25
_HEADINGS: Final = ("h1", "h2", "h3", "h4")
_ASIDE: Final = frozenset({"nav", "header", "footer", "aside", "script", "style", "noscript", "template"})


def is_article(tree: Any, text: str, declared: bool | None) -> bool | None:
    """Whether a page with this main text is an article, None where that is not known.

    `tree` is of `lxml.html` and is not changed. Paragraphs of `text` are divided by empty lines.
    """
    if _is_cookie_wall(text):
        return False
    if declared is not None:
        return declared
    headings, linked, words, story_words = _shape(tree)
    own_words = len(text.split())
    many = headings >= _LINKED_HEADINGS and own_words < headings * _WORDS_A_HEADING
    if many and story_words < _ARTICLE_WORDS:
        return False
    if linked * 2 > words and own_words < _ARTICLE_WORDS and words >= _ARTICLE_WORDS:
        return False
    return True if not many and own_words >= _ARTICLE_WORDS and linked <= words * _MAX_LINK_SHARE else None


def _is_cookie_wall(text: str) -> bool:
    if len(text.split()) > _WALL_WORDS or not _WE_USE_COOKIES.search(text):
        return False
    paragraphs = text.split("\n\n")
    return sum(bool(_CONSENT.search(paragraph)) for paragraph in paragraphs) * 2 > len(paragraphs)


def _shape(tree: Any) -> tuple[int, int, int, int]:
    """Headings that are links or hold one, words in links, words in all, words in paragraphs away from such headings.

    Without what stands aside.
    """
    headings = linked = words = 0
    holders = set()
    paragraphs = []
    waiting = [(tree, None)]
    while waiting:
        element, link = waiting.pop()
        if not isinstance(element.tag, str) or element.tag in _ASIDE:
            continue
        link = element if element.tag == "a" else link
        if element.tag in _HEADINGS and (link is not None or element.find(".//a") is not None):
            headings += 1
            holders.add((element if link is None else link).getparent())
        if element.tag == "p" and link is None:
            length = len("".join(element.itertext()).split())
            if length >= _STORY_PARAGRAPH_WORDS:
                paragraphs.append((element.getparent(), length))
        inner = len((element.text or "").split())
        words += inner
        linked += inner if link is not None else 0
        for child in element:
            tail = len((child.tail or "").split())
            words += tail
            linked += tail if link is not None else 0
            waiting.append((child, link))
    return headings, linked, words, sum(length for parent, length in paragraphs if parent not in holders)
