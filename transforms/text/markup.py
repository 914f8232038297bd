"""HTML to text, without a tree: one pass over the tags that is linear on any input.

Tags are found as the HTML standard finds them (section 13.2.5, tokenization): a tag starts at `<` and a letter, `/` or
`!`; a `>` inside a quoted value does not end it; a tag that never ends takes the rest of the document with it.
"""

import html
import re
from typing import Final

from transforms.text.mojibake import mend
from transforms.text.spacing import tidy_line

_PARAGRAPHS: Final = (
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr html legend main menu nav ol p pre section summary table tbody "
    "tfoot thead ul"
).split()
_LINES: Final = "br /br li tr".split()
_CELLS: Final = "/td /th".split()
_DROPPED: Final = "script style iframe object embed noembed noframes svg template textarea select head".split()
"""Elements whose content is no text of the article."""
_HIDING: Final = frozenset("script style iframe textarea svg template".split())
"""Those that, when never closed, hide the rest of the document; the others are then taken for a slip of the pen."""

_INLINE: Final = "a abbr b br cite code em font i img q s small span strong sub sup time u".split()


class _Breaks(dict[str, str]):
    """What stands for a tag, by its name as it is written; names in other letter case are looked up in lower case."""

    def __missing__(self, name: str) -> str:
        return self.get(name.lower(), "")


_BREAK_OF: Final = _Breaks(
    {name: "" for inline in _INLINE for name in (inline, f"/{inline}")}
    | {name: "\n\n" for paragraph in _PARAGRAPHS for name in (paragraph, f"/{paragraph}")}
    | dict.fromkeys(_LINES, "\n")
    | dict.fromkeys(_CELLS, " ")
)


class _SimpleBreaks(_Breaks):
    """The same where tags that need care stand for `<`.

    So do names beyond ASCII: without regard to case, U+017F is an s to a regular expression.
    """

    def __missing__(self, name: str) -> str:
        return super().__missing__(name) if name.isascii() else "<"


_SIMPLE_BREAK_OF: Final = _SimpleBreaks(_BREAK_OF | dict.fromkeys(["pre", *_DROPPED], "<"))


class _Characters(dict[str, str]):
    """What a character reference stands for, by what is behind its `&`; rare ones are looked up each time."""

    def __missing__(self, reference: str) -> str:
        return html.unescape(f"&{reference}")


_USUAL_REFERENCES: Final = (
    *(f"#{code};" for code in (*range(0x20, 0x100), *range(0x2010, 0x2040))),
    *"amp; quot; lt; gt; apos; nbsp; lsquo; rsquo; ldquo; rdquo; ndash; mdash; hellip; #038; #039;".split(),
)
_CHARACTER_OF: Final = _Characters({name: html.unescape(f"&{name}") for name in _USUAL_REFERENCES})

# Possessive throughout: nothing is read twice, whatever follows.
_SIMPLE_TAG: Final = re.compile(r"<(?:/p>\s*+<p(?:\s[^<>]*+)?|(/?[A-Za-z][^\s/<>]*+)[^<>]*+)>")
"""Or the end of a paragraph and the start of the next at once, of which articles are full."""
_TAG: Final = re.compile(r"<(/?[A-Za-z][^\s/>]*+)(?:[^>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+')?+)*+>")
_ROUGH_TAG: Final = re.compile(r"<(/?[A-Za-z][^\s/>]*+)[^>]*+>")
_TAG_START: Final = re.compile(r"</?[A-Za-z]")
_DECLARATION: Final = re.compile(r"<[!?]")
_DROPPED_START: Final = re.compile(rf"<({'|'.join(_DROPPED)})(?=[\s/>])", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")
_MANY_DIGITS: Final = re.compile(r"&#[0-9]{8,}+")
_WHITE: Final = re.compile(r"[ \t\n\r\f]+")
_USUAL_TAG: Final = re.compile(
    r"<(?:p|br|div|a|img|ul|ol|li|b|i|em|strong|span|h[1-6]|blockquote|table)(?:\s[^<>]*+)?/?>", re.IGNORECASE
)
_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def html_to_text(markup: str) -> str:
    r"""The text of HTML or of a piece of it: paragraphs divided by empty lines, entities resolved.

    Block elements divide paragraphs, `br`, `li` and `tr` divide lines, cells are divided by a blank; scripts, styles,
    comments and embedded documents are dropped. Where there is no tag, line breaks are kept as the author's own. The
    result is not tidy yet (`transforms.text.spacing.tidy`). Never raises, linear in the length.
    """
    if "<" not in markup:
        return _unescaped(markup) if "&" in markup else markup
    text = _replace_tags(markup)
    if text is None:
        text = _replace_tags_carefully(_without_dropped(_without_declarations(markup)))
    return _unescaped(text) if "&" in text else text


def inline_text(markup: str) -> str:
    """The text of a title, name or category that may hold markup, entities and mojibake, tidy and on one line."""
    if "<" in markup or "&" in markup:
        markup = html_to_text(markup)
    return tidy_line(markup if markup.isascii() else mend(markup))


def looks_like_html(text: str) -> bool:
    """Whether a text that does not say what it is holds tags of HTML."""
    return "<" in text and _USUAL_TAG.search(text) is not None


def _unescaped(text: str) -> str:
    """With its character references resolved; a number beyond Unicode, however long, is U+FFFD."""
    if "&#" in text:
        text = _MANY_DIGITS.sub(_few_digits, text)
    # As html.unescape does it, which looks up every reference by a function of Python.
    pieces = _REFERENCE.split(text)
    pieces[1::2] = map(_CHARACTER_OF.__getitem__, pieces[1::2])
    return "".join(pieces)


def _few_digits(reference: re.Match[str]) -> str:
    """The same character in few digits: Python turns only so many into a number."""
    digits = reference[0][2:].lstrip("0")
    return f"&#{digits or 0}" if len(digits) < 8 else "&#9999999"


def _replace_tags(markup: str) -> str | None:
    """The text where every `<` and `>` belongs to a tag without quoted ones, and none needs care; else None.

    Of such markup a simple pattern finds the same tags in a third of the time.
    """
    text = markup.replace("\n", " ").replace("\r", " ").replace("\t", " ").replace("\f", " ")
    pieces = _SIMPLE_TAG.split(text)
    pieces[1::2] = [_SIMPLE_BREAK_OF[name] if name else "\n\n" for name in pieces[1::2]]
    text = "".join(pieces)
    return None if "<" in text or ">" in text else text


def _replace_tags_carefully(markup: str) -> str:
    """The same for any markup: quoted `>`, stray `<`, tags cut off, `pre` with its line breaks."""
    pieces: list[str] = []
    at, depth, pattern = 0, 0, _TAG
    while (opening := _TAG_START.search(markup, at)) is not None:
        start = opening.start()
        pieces.append(_folded(markup[at:start], depth))
        tag = pattern.match(markup, start)
        if tag is None:
            # Quotes do not pair up to the end of the document: they are not looked at from here on, or the search for
            # their end would be repeated at each tag.
            pattern = _ROUGH_TAG
            tag = pattern.match(markup, start)
            if tag is None:
                return "".join(pieces)
        at = tag.end()
        name = tag[1].lower()
        if name == "pre":
            depth += 1
        elif name == "/pre":
            depth = max(0, depth - 1)
        pieces.append(_BREAK_OF[name])
    pieces.append(_folded(markup[at:], depth))
    return "".join(pieces)


def _folded(text: str, depth: int) -> str:
    return text if depth else _WHITE.sub(" ", text)


def _without_declarations(markup: str) -> str:
    """Without comments, CDATA marks, declarations and processing instructions. What never ends takes the rest along."""
    pieces: list[str] = []
    at = 0
    while (opening := _DECLARATION.search(markup, at)) is not None:
        start = opening.start()
        pieces.append(markup[at:start])
        if markup.startswith("<!--", start):
            end = markup.find("-->", start + 2)  # `<!-->` is a whole comment.
            at = len(markup) if end < 0 else end + 3
        elif markup.startswith("<![CDATA[", start):
            end = markup.find("]]>", start)
            pieces.append(markup[start + 9 : end if end >= 0 else len(markup)])
            at = len(markup) if end < 0 else end + 3
        else:
            end = markup.find(">", start)
            at = len(markup) if end < 0 else end + 1
    pieces.append(markup[at:])
    return "".join(pieces)


def _without_dropped(markup: str) -> str:
    """Without scripts, styles and the like, from their start tag to their end tag."""
    pieces: list[str] = []
    at = 0
    lowered = markup.translate(_ASCII_LOWER)
    never_closed: set[str] = set()
    while (opening := _DROPPED_START.search(markup, at)) is not None:
        name = opening[1].lower()
        pieces.append(markup[at : opening.start()])
        end = markup.find(">", opening.end())
        if end < 0:
            return "".join(pieces)
        at = end + 1
        if name == "embed" or markup[end - 1] == "/" or name in never_closed:
            continue
        closing = lowered.find(f"</{name}", at)
        if closing < 0:
            if name in _HIDING:
                return "".join(pieces)
            never_closed.add(name)
            continue
        pieces.append(" ")
        end = markup.find(">", closing)
        at = len(markup) if end < 0 else end + 1
    pieces.append(markup[at:])
    return "".join(pieces)
