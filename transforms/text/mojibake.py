"""Text in UTF-8 that was once read in another encoding ("cafÃ©", "itâ€™s"), mended by ftfy, which is asked seldom.

ftfy takes a millisecond a text to see that there is nothing to mend, so that is asked first, in a few microseconds:
what it can mend has a character that was the first byte of a sequence in UTF-8, and then those that were the others.
"""

import re
from collections.abc import Iterable
from typing import Final

from transforms.text.spacing import unusual

_ENCODINGS: Final = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2")
"""Those of ftfy that news was written in. What they have no character for is a control character there."""
_DOS: Final = ("cp437",)
_MAC: Final = ("mac_roman",)


def _characters(data: Iterable[int], encodings: Iterable[str] = _ENCODINGS) -> str:
    return "".join(sorted({bytes([byte]).decode(name, "ignore") for byte in data for name in encodings}))


def _class(characters: str) -> str:
    return f"[{re.escape(characters)}]"


_CONTROLS: Final = "\x80-\x9f"
# A question mark may stand for a byte that was lost, a blank for one that does not break.
_NEXT_STRICT: Final = f"{re.escape(_characters(range(0x80, 0xC0)))}{_CONTROLS}\x1a\ufffd"
_NEXT: Final = f"[{_NEXT_STRICT} ?]"
_FIRST_OF_2: Final = _characters(range(0xC2, 0xE0))
_FIRST_OF_3: Final = _characters(range(0xE0, 0xF0))
_FIRST_OF_4: Final = _characters(range(0xF0, 0xF5))
_FIRST_THEN_BLANK: Final = _characters((0xC2, 0xC3, 0xC5, 0xCE, 0xD0, 0xD9), ("cp1252",))
_DOS_FIRST_OF_2: Final = _characters(range(0xC2, 0xE0), _DOS)
_DOS_FIRST_OF_3: Final = _characters(range(0xE0, 0xF0), _DOS)
_DOS_NEXT: Final = _class(_characters(range(0x80, 0xC0), _DOS))
_MAC_FIRST: Final = _characters((0xC2, 0xC3, 0xC4, 0xC5, 0xD7, 0xD8, 0xD9, 0xE2), _MAC)
"""Any letter begins something there: these are what Latin letters, quotes, Hebrew and Arabic begin with."""
_MAC_NEXT: Final = _class(_characters(range(0x80, 0xC0), _MAC))

_FIRST: Final = frozenset(
    _FIRST_OF_2 + _FIRST_OF_3 + _FIRST_OF_4 + _DOS_FIRST_OF_2 + _DOS_FIRST_OF_3 + _MAC_FIRST
) | frozenset(map(chr, range(0x80, 0xA0)))
_CLUE: Final = re.compile(
    f"{_class(''.join(sorted(_FIRST)))}"
    f"(?:(?<=[{_CONTROLS}])"
    # In capitals a word of Portuguese may end so before what closes a quotation: “IRMÔ. No word of mojibake does.
    "|(?<![A-ZÇ]Ã(?=[”’»…](?![A-Za-z])))"
    f"(?:(?<={_class(_FIRST_OF_2)})[{_NEXT_STRICT}]"
    f"|(?<={_class(_FIRST_THEN_BLANK)})[ ?]"
    f"|(?<={_class(_FIRST_OF_3)}){_NEXT}{{2}}"
    f"|(?<={_class(_FIRST_OF_4)}){_NEXT}{{3}}"
    f"|(?<={_class(_DOS_FIRST_OF_2)}){_DOS_NEXT}"
    f"|(?<={_class(_DOS_FIRST_OF_3)}){_DOS_NEXT}{{2}}"
    f"|(?<={_class(_MAC_FIRST)}){_MAC_NEXT}))"
)
_FEW: Final = 20
"""So many characters are looked up one by one, which then is faster than a search."""


def mend(text: str, others: str | None = None) -> str:
    """The text with what was read in a wrong encoding as it was written; nothing else is changed.

    A text without mojibake comes back as it is. Of one that has some, all is mended that ftfy knows.
    `mend(mend(text)) == mend(text)`. `others` is `unusual(text)`, where it is known.
    """
    if text.isascii() or not _has_clue(text, unusual(text) if others is None else others):
        return text
    from ftfy import fix_encoding  # Seldom needed, and a tenth of a second to load.

    return fix_encoding(text)


def _has_clue(text: str, others: str | None) -> bool:
    firsts = None if others is None else [character for character in others if character in _FIRST]
    if firsts is None or len(firsts) > _FEW:
        return _CLUE.search(text) is not None
    place = -1
    for first in firsts:  # They stand in the order of the text.
        place = text.index(first, place + 1)
        if _CLUE.match(text, place):
            return True
    return False
