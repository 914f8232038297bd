"""A headline apart from the name of the site that stands behind it: "Ferry sinks - The Daily", "Ferry sinks | Site".

A dash may as well belong to the headline, and so may a bar, if seldom. So what stands behind it is taken for a site in
these cases only:

1. it is the name of the site or the beginning of its address, as far as the caller knows them;
2. it is a web address, or a name that the whole world knows: `_KNOWN`;
3. a bar, a bullet or a double colon divides it from three words or more, it is a name of at most five words, and one of
   them says what it is: Times, Herald, News; `_KINDS`.

Only in the first case it may stand before the headline too; before a dash then as a whole, or as two words or more.
"""

import re
from typing import Final

from transforms.text.keys import fold

MAX_SITE_CHARS: Final = 60
"""A longer piece is not the name of a site."""

_SEPARATOR: Final = re.compile(r" (?:[-–—|]|::) | ?• ?")
_DASHES: Final = frozenset({" - ", " – ", " — "})
_WORD: Final = re.compile(r"\w+")
_ADDRESS: Final = re.compile(
    r"[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|info|eu|tv|co\.[a-z]{2}|com\.[a-z]{2}"
    r"|de|at|ch|fr|be|nl|es|it|pt|br|mx|ar|ie|uk|us|ca|au|in|pl|se|no|dk)"
)
_CAPITAL: Final = r"[A-Z0-9À-ÞĀ-Ž][\w.'’&-]*"
_NAME: Final = re.compile(
    rf"{_CAPITAL}(?: (?:of|the|and|in|for|on|&|de|del|di|da|du|der|des|und|la|le|las|los|della|dello|delle|et|y|e"
    rf"|{_CAPITAL}))*"
)

_KINDS: Final = frozenset(
    "news times post herald daily journal tribune gazette guardian telegraph chronicle observer press magazine"
    " review standard mirror independent courier dispatch examiner inquirer register sentinel bulletin weekly"
    " online tv radio fm zeitung nachrichten rundschau anzeiger tageblatt kurier blatt monde figaro libération"
    " presse diario noticias periódico mundo país corriere repubblica gazzetta giornale notizie jornal folha"
    " notícias diário correio".split()
)
_KNOWN: Final = frozenset(
    (
        "ABC News|AFP|Al Jazeera|Al Jazeera English|AP News|Associated Press|Axios|BBC|BBC News|BBC Sport"
        "|Business Insider|BuzzFeed News|CBC News|CBS News|CNBC|CNN|CNN Politics|Daily Mail|Daily Mail Online"
        "|Deutsche Welle|El Mundo|El País|EL PAÍS|Euronews|Financial Times|Fox News|France 24|Haaretz|Hindustan Times"
        "|HuffPost|HuffPost UK|Le Figaro|Le Monde|Los Angeles Times|MarketWatch|MSNBC|NBC News|New York Post|Newsweek"
        "|NPR|Politico|POLITICO|ProPublica|RFI|Reuters|Sky News|South China Morning Post|SPIEGEL ONLINE|DER SPIEGEL"
        "|TechCrunch|The Associated Press|The Atlantic|The Daily Beast|The Economist|The Globe and Mail|The Guardian"
        "|The Hill|The Hindu|The Independent|The Irish Times|The Jerusalem Post|The New York Times|The New Yorker"
        "|The Sydney Morning Herald|The Telegraph|The Times of India|The Times of Israel|The Verge"
        "|The Wall Street Journal|The Washington Post|Toronto Star|USA Today|USA TODAY|Vox|Washington Post|Wikinews"
        "|Wikinews, the free news source|WSJ|ZEIT ONLINE|FAZ|la Repubblica|Folha de S.Paulo|G1"
    ).split("|")
)


def split_headline(title: str, site_name: str | None = None, site: str | None = None) -> tuple[str, str | None]:
    """The headline of a title, and the name of a site that stood beside it, as written there.

    `title` is tidy and on one line; `site_name` is what the site (its feed, its page) calls itself, `site` its host.
    The headline is never empty. Of several names the outermost is told: what is returned as headline has none.
    """
    name: str | None = None
    while (divided := _divided(title, site_name, site)) is not None:
        title, outer = divided
        name = name or outer
    return title, name


def _divided(title: str, site_name: str | None, site: str | None) -> tuple[str, str] | None:
    separators = list(_SEPARATOR.finditer(title))
    if not separators:
        return None
    last, first = separators[-1], separators[0]
    headline, tail = title[: last.start()], title[last.end() :]
    if headline and tail and (_is_this_site(tail, site_name, site) or _is_some_site(tail, headline, last[0])):
        return headline, tail
    head, headline = title[: first.start()], title[first.end() :]
    # Before a dash a part of the name does not do: "Ukraine | The Guardian" has "Ukraine – Russia talks stall".
    is_whole = first[0] in _DASHES
    if headline and head and _is_this_site(head, site_name, site, whole=is_whole):
        return headline, head
    return None


def _is_this_site(piece: str, site_name: str | None, site: str | None, *, whole: bool = False) -> bool:
    if len(piece) > MAX_SITE_CHARS:
        return False
    words = _words(piece)
    if not words:
        return False
    if site_name:
        parts = [part for part in _SEPARATOR.split(site_name) if not whole or " " in part]
        names = [_words(part) for part in (site_name, *parts)]
        # A site that calls itself "Harbour Post Online" may be "Harbour Post" here; one word would be too little.
        if words in names or (len(words) > 1 and any(name[: len(words)] == words for name in names)):
            return True
    return site is not None and _is_label(words, site.casefold().removeprefix("www.").split("."))


def _is_label(words: list[str], labels: list[str]) -> bool:
    """Whether the words are written together in the host name, or all but the last as initials ("nytimes")."""
    joined = "".join(words)
    if joined == "".join(labels):
        return True
    for label in labels[:-1]:
        label = label.replace("-", "")
        if len(label) < 3:
            continue
        if label == joined or (words[-1] in ("news", "online") and label == "".join(words[:-1])):
            return True
        if len(words) > 2 and label == "".join(word[0] for word in words[:-1]) + words[-1]:
            return True
    return False


def _is_some_site(piece: str, headline: str, separator: str) -> bool:
    if len(piece) > MAX_SITE_CHARS:
        return False
    if piece in _KNOWN or _ADDRESS.fullmatch(piece):
        return True
    if separator in _DASHES or _NAME.fullmatch(piece) is None or len(headline.split()) < 3:
        return False
    words = piece.casefold().split()
    return len(words) <= 5 and not _KINDS.isdisjoint(words)


def _words(name: str) -> list[str]:
    words = _WORD.findall(fold(name))
    return words[1:] if words[:1] == ["the"] and len(words) > 1 else words
