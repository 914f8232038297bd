"""Bylines to names: who wrote it, from what feeds and pages put into the field for it.

What becomes of a byline, in this order:

1. Addresses of mail and web and `@handles` go; of `jane@a.example (Jane Doe)` the name is left.
2. What stands in brackets goes, unless nothing else is there.
3. It is cut where bylines are: at `|`, `;`, `/`, bullets, dashes between blanks, `and` and its like, commas.
4. `By`, `Written by`, `Von`, `Author:` and their like go from the start of each piece. Those that also begin surnames
   (`Von Trapp`, `Di Maio`) go only before two words, the first a capitalised one that is no particle.
5. Job titles go, alone (`Staff Writer`, `admin`) or at either end of a name; so do places after a name.
6. What is left is a person or an organisation: an agency, a paper, `The …`, a word of capitals.

Organisations are authors only where no person is named: in `Jane Doe | Reuters` the agency is where she works. Names
keep their spelling, capitals and honorifics; of the spellings that differ in case only the first is kept.
"""

# ruff: noqa: RUF001  (dashes and commas of other scripts are meant)

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

Names = tuple[tuple[str, ...], tuple[str, ...]]
"""Persons and organisations."""


def clean_authors(values: Sequence[str]) -> tuple[str, ...]:
    """The persons that bylines name, in order, each once without regard to case; else the organisations.

    Bylines are tidy lines without markup. `Doe, Jane` becomes `Jane Doe` where the second word is one of the common
    given names listed here and the first is not; else such a pair is left as it is. Of what names nobody (`admin`, an
    address) nothing is left. `clean_authors(clean_authors(values)) == clean_authors(values)`.
    """
    names = _read(values)
    while (again := _read(names)) != names:  # Seldom: where one thing to be cut off stood behind another.
        names = again
    return names


def _read(values: Sequence[str]) -> tuple[str, ...]:
    persons: dict[str, str] = {}
    organisations: dict[str, str] = {}
    for value in values:
        found, publishers = _names(value)
        for name in found:
            persons.setdefault(name.casefold(), name)
        for name in publishers:
            organisations.setdefault(name.casefold(), name)
    return tuple((persons or organisations).values())


_BY: Final = frozenset(
    {"by", "byline", "words", "text", "story", "author", "authors", "autor", "autorin", "auteur", "oleh"}
)
"""What begins a byline and no name."""
_FROM: Final = frozenset({"von", "par", "por", "di", "door", "av", "af", "da"})
"""The same in other languages, where it may also be the first word of a surname."""
_LABELS: Final = (
    _BY | _FROM | {"written", "reported", "posted", "published", "foto", "photo", "fotos", "photos", "texte"}
)

_PARTICLES: Final = frozenset(
    """von van der den dem de del della di da do dos das du la le ter ten zu zur und y e al el bin ibn abu ben af av
    st. o""".split()
)
"""Small words inside surnames."""

_JOINERS: Final = frozenset({"and", "&", "und", "et", "og", "och", "with", "mit", "avec", "con", "met", "и", "و"})
_JOINERS_IN_NAMES: Final = frozenset({"y", "e", "en", "i", "da"})
"""They also stand inside names (`José Ortega y Gasset`), so they divide only what has two words on both sides."""

_CUT_BEFORE: Final = frozenset({"in", "for", "at", "via", "from", "reporting", "contributed", "aus", "für", "pour"})
"""After two words of a name: what follows is where, or for whom."""

_AND_OTHERS: Final = frozenset({"et", "al", "al.", "and", "&", "others"})

_JOBS: Final = frozenset(
    """admin administrator webmaster editor editors reporter reporters correspondent correspondents writer writers
    author authors staff newsroom contributor contributors columnist journalist journalists desk team editor-in-chief
    producer photographer intern freelancer redaktion redakteur redakteurin redacción redaccion redacao redação
    rédaction redazione redactie redaktionen redakcja redacteur korrespondent korrespondentin journaliste periodista
    giornalista reportero reportera редакция корреспондент журналист 記者 记者 編集部 编辑部 기자 محرر""".split()
)
_OF_JOBS: Final = frozenset(
    """senior junior chief deputy managing executive associate assistant contributing special foreign political
    politics business sports sport science health technology tech economics economy world news guest freelance national
    international diplomatic environment opinion night city web digital online photo data investigative crime education
    culture arts general assignment the our a la el die editorial""".split()
)
"""What stands before a job: they go with it, at either end of a name, and alone."""
_NOBODY: Final = frozenset(
    """anonymous anon unknown none null n/a na user users root guest editorial others other et al al. by byline nobody
    undefined default test noreply no-reply info wordpress post posts various multiple undisclosed""".split()
)
_NOT_NAMES: Final = frozenset(
    """director president professor chairman chairwoman ceo cto cfo founder co-founder analyst fellow lecturer minister
    head author novelist critic consultant host anchor blogger publisher bureau manager officer specialist expert
    researcher economist editor-at-large""".split()
)
"""With the jobs: a piece after a comma that has one of them is a title, not a name."""
_DEGREES: Final = frozenset(
    {"phd", "ph.d.", "md", "m.d.", "mp", "mba", "esq", "esq.", "jd", "j.d.", "ma", "msc", "rn", "dds"}
)
_SUFFIXES: Final = frozenset({"jr", "jr.", "sr", "sr.", "ii", "iii", "iv"})

_PLACES: Final = frozenset(
    re.split(
        r"[|\s]{2,}",
        """new york | los angeles | san francisco | washington dc | washington d.c. | hong kong | tel aviv | new delhi |
        mexico city | buenos aires | são paulo | sao paulo | rio de janeiro | cape town | kuala lumpur | abu dhabi |
        south africa | united states | united kingdom | new zealand | saudi arabia | south korea | north korea |
        las vegas | new jersey | new mexico | saint petersburg | san diego | salt lake city | den haag | the hague""",
    )
)
"""Places of two words that datelines name; one word after a full name is taken for a place anyway."""

_AGENCIES: Final = frozenset(
    re.split(
        r"[|\s]{2,}",
        """reuters | associated press | agence france-presse | agence france presse | deutsche presse-agentur | xinhua |
        bloomberg | tass | interfax | ansa | efe | dpa | afp | ap | upi | kyodo | press association | pa media |
        press trust of india | united press international | anadolu agency | yonhap | europa press | agencies | belga |
        ritzau | ntb | tt | apa | sda | keystone-sda | politico | axios | propublica | cnn | bbc | npr | guardian |
        forbes | huffpost | wire reports | 新华社 | 共同通信 | 연합뉴스""",
    )
)
"""News agencies, and papers that sign with one word."""

_WITH_DESKS: Final = frozenset({"reuters", "bloomberg", "cnn", "bbc", "npr", "guardian", "afp", "politico", "huffpost"})
"""Those whose name stands before that of a part of them: `CNN Business`, `HuffPost US`."""

_PUBLISHERS: Final = frozenset(
    """news times post press agency agencies media network radio tv television magazine journal tribune herald gazette
    service services board inc. inc ltd ltd. llc gmbh ag foundation institute university wire online today daily weekly
    chronicle telegraph observer conversation zeitung presse agentur nachrichten noticias agencia agenzia agence
    persbureau club association committee council""".split()
)
"""Last words of the names of papers and other organisations."""

_GIVEN: Final = frozenset(
    """aaron adam adrian alan albert alex alexander alexandra alfred alice alison amanda amy ana andrea andreas andrew
    angela anna anne antonio arthur barbara ben benjamin brian carlos carmen carol caroline catherine charles charlotte
    chris christian christina christine christopher claire claudia daniel daniela david deborah diana diego dmitri
    donald dorothy edward elena elisabeth elizabeth emily emma eric eva fatima felix fernando francesca francesco
    francis frank françois friedrich gabriel george giovanni giulia giuseppe gregory hannah hans harry heather helen
    helena henry ian igor irene isabel isabella ivan jack jacob jacques james jan jane janet jason javier jean jeffrey
    jennifer jessica joan johanna johannes john jonathan jorge josé jose joseph joshua juan judith julia julie karen
    karl katharina katherine kathleen keith kenneth kevin klaus lars laura lauren linda lisa louise lucia lucy luis
    luisa lukas maria marie marina mario mark markus marta martha martin mary matthew megan mehmet melissa michael
    michel miguel mohammad mohammed monica natalia natalie nicholas nicola nicole nina olga oliver olivia pablo
    pamela patricia patrick paul paula paulo pedro peter philip philippe pierre rachel rebecca ricardo richard robert
    roberto roger rosa ruth samantha samuel sandra sara sarah sebastian sergei sharon silvia simon sofia sophie stefan
    stefano stephanie stephen steven susan svetlana teresa theresa thomas timothy ursula valentina vera veronica
    victoria vincent vladimir walter wilhelm william wolfgang yusuf yuri""".split()
)
"""Given names common enough, and rare enough as surnames, to tell `Doe, Jane` by."""

_HARD_BREAK: Final = re.compile(r"[|;/•·‖¦\n]|(?<=\s)[–—‒―-]+(?=\s)")
_COMMA: Final = re.compile("[,،、，]")
_BRACKETED: Final = re.compile(r"\(([^()]*)\)|\[([^][]*)\]")
_DOMAIN: Final = re.compile(r"[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|info|edu|gov|eu|[a-z]{2})", re.IGNORECASE)
_EDGES: Final = ' \t,:*"“”„()[]<>{}_~…|–—-'
_ABBREVIATED: Final = re.compile(r"(?:\w|\w?\.\w.*|jr|sr|dr|prof|st|inc|ltd|esq|ph\.d|al)\.", re.IGNORECASE)


@lru_cache(maxsize=4096)  # A site has few authors, and its articles come together.
def _names(value: str) -> Names:
    persons: list[str] = []
    organisations: list[str] = []
    value = _without_addresses(value)
    if value.casefold() in _NOBODY:
        return (), ()
    for part in _HARD_BREAK.split(_without_brackets(value)):
        pieces = [piece for piece in map(_tidied, _COMMA.split(part)) if piece]
        turned = _turned(pieces)
        if turned is not None:
            persons.append(turned)
            continue
        sole = True
        full_name = False
        for piece in pieces:
            for words in _joined(_begun(piece.split())):
                name = _name(words, sole, full_name)
                sole = False
                if not name:
                    continue
                if _is_organisation(name):
                    organisations.append(name)
                elif name.casefold() in _SUFFIXES:
                    if persons:
                        persons[-1] += f" {name}"
                else:
                    persons.append(name)
                    full_name = full_name or " " in name
    return tuple(persons), tuple(organisations)


def _without_addresses(value: str) -> str:
    if "@" not in value and "://" not in value and "www." not in value:
        return value
    kept = []
    for word in value.replace("(", " (").replace("<", " <").split():
        if "@" in word or "://" in word or word.lower().startswith("www."):
            word = word[-1] if word[-1] in ",;|" else ""
        kept.append(word)
    return " ".join(filter(None, kept))


def _without_brackets(value: str) -> str:
    """Without what is in brackets; only that where there is nothing else."""
    if "(" not in value and "[" not in value:
        return value
    outside = _BRACKETED.sub(" ", value)
    return outside if any(map(str.isalpha, outside)) else _BRACKETED.sub(r"\1\2 ", value)


def _tidied(piece: str) -> str:
    """Without blanks, punctuation and full stops at its ends; empty where it has no letter, or is a host."""
    piece = " ".join(piece.strip(_EDGES).split())
    if piece.endswith("."):
        last = piece.rpartition(" ")[2]
        if not _ABBREVIATED.fullmatch(last):
            piece = piece.rstrip(". ")
    if not any(map(str.isalpha, piece)) or _DOMAIN.fullmatch(piece):
        return ""
    return piece


def _turned(pieces: list[str]) -> str | None:
    """`Doe`, `Jane` as one name: turned round if that is sure, else as it was. None where it is no such pair."""
    if len(pieces) != 2:
        return None
    last, first = pieces[0].split(), pieces[1].split()
    if not _is_surname(last) or _is_organisation(pieces[0]) or _is_organisation(pieces[1]):
        return None
    if all(word.lower() in _GIVEN or _is_initial(word) for word in first) and first[0].lower() in _GIVEN:
        return f"{pieces[1]} {pieces[0]}" if last[-1].lower() not in _GIVEN else f"{pieces[0]}, {pieces[1]}"
    known = _JOBS | _NOT_NAMES | _NOBODY | _DEGREES | _SUFFIXES | _LABELS
    if len(first) > 1 or first[0].lower() in known or last[-1].lower() in known or not _is_capital(first[0]):
        return None
    return f"{pieces[0]}, {pieces[1]}"


def _is_surname(words: list[str]) -> bool:
    """Whether it is one word, but for particles before it, in letters that have capitals."""
    return all(word.lower() in _PARTICLES for word in words[:-1]) and words[-1][0].isupper()


def _is_initial(word: str) -> bool:
    return len(word) <= 2 and word[0].isupper() and word[1:] in ("", ".")


def _is_capital(word: str) -> bool:
    """Whether it may begin a name: a capital, or a letter of a script without capitals."""
    return word[0].isalpha() and not word[0].islower()


def _begun(words: list[str]) -> list[str]:
    """Without what begins a byline."""
    at = 0
    while at < len(words) - 1:
        word = words[at].lower()
        rest = len(words) - at - 1
        if word.rstrip(":") in _LABELS and word.endswith(":"):
            at += 1
        elif word in _BY and _is_capital(words[at + 1]):
            at += 1
        elif word in _FROM and rest >= 2 and _is_capital(words[at + 1]) and words[at + 1].lower() not in _PARTICLES:
            at += 1
        else:
            break
    last_by = max((i for i, word in enumerate(words[:-1]) if word == "by" and _is_capital(words[i + 1])), default=-1)
    return words[max(at, last_by + 1) :]  # Written by, photographs by, additional reporting by.


def _joined(words: list[str]) -> list[list[str]]:
    """Cut at `and` and its like."""
    found: list[list[str]] = [[]]
    for at, word in enumerate(words):
        after = words[at + 1 : at + 3]
        divides = bool(after) and _is_capital(after[0])
        if word in _JOINERS_IN_NAMES:
            divides = (
                divides
                and len(found[-1]) >= 2
                and len(after) == 2
                and (_is_capital(after[1]) or after[1] in _PARTICLES)
            )
        elif word not in _JOINERS:
            divides = False
        if divides:
            found.append([])
        else:
            found[-1].append(word)
    return [words for words in found if words]


def _name(words: list[str], sole: bool, after_full_name: bool) -> str:
    """The name that the words hold without titles and places; empty where they hold none."""
    if len(words) > 1 and words[0] in _JOINERS:
        words = words[1:]
    lowered = [word.lower() for word in words]
    if all(word in _JOBS or word in _OF_JOBS or word in _NOBODY for word in lowered):
        return ""
    if not sole and (
        lowered[0] in _DEGREES
        or not (_is_capital(words[0]) or lowered[0] in _PARTICLES)
        or " ".join(lowered) in _PLACES
        or "of" in lowered  # Member of Congress, Duke of Sussex.
        or any(word in _JOBS or word in _NOT_NAMES for word in lowered)
    ):
        return ""
    if len(words) == 1:
        alone = after_full_name and lowered[0] not in _SUFFIXES and not _is_organisation(words[0])
        return "" if alone else words[0]
    start = 0
    end = len(words)
    for at in range(2, end):
        if words[at] in _CUT_BEFORE:
            end = at
            break
    while end > 1 and lowered[end - 1] in _AND_OTHERS:
        end -= 1
    if lowered[end - 1] in _JOBS:
        while end > 0 and (lowered[end - 1] in _JOBS or lowered[end - 1] in _OF_JOBS):
            end -= 1
    jobs = start
    while jobs < end and (lowered[jobs] in _JOBS or lowered[jobs] in _OF_JOBS):
        jobs += 1
    if jobs and lowered[jobs - 1] in _JOBS and end - jobs >= 1:
        start = jobs
    return _tidied(" ".join(words[start:end]))


def _is_organisation(name: str) -> bool:
    lowered = name.lower()
    if lowered in _AGENCIES or lowered.startswith("the "):
        return True
    if " " not in name:
        return 2 <= len(name) <= 5 and name.isascii() and name.isupper() and name.isalpha() and lowered not in _SUFFIXES
    return lowered.partition(" ")[0] in _WITH_DESKS or lowered.rpartition(" ")[2] in _PUBLISHERS
