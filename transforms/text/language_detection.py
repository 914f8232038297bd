"""The language a text is written in, found in the text: script first, then function words, then a model.

Each look is dearer than the one before and is taken only where that one says nothing:

1. Function words ("the", "nicht", "está") of the languages with the largest presses, each word in the list of one
   language only. They answer where there are enough of one language and few of all others.
2. The script, where one language (or nearly) has it to itself: Greek, Hangul, Thai, …
3. The model of py3langid, which knows 139 languages, loaded when it is first asked: half a second and 100 MB a process.

The answer is a function of the text alone. The scores of the model are added up so that no rounding takes place (see
`_Model`), and what is rounded later is rounded to three places: machines and versions of numpy do not differ in it.
"""

# ruff: noqa: RUF001  (letters of other alphabets are meant)

import math
import unicodedata
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, Final

import numpy as np
from py3langid.langid import MODEL_DIR, MODEL_FILE, visit_counts
from py3langid.modelio import load_model

from transforms.text.languages import CODES

SAMPLE_CHARS: Final = 600
"""What is looked at of a text. More changes one answer in a thousand and costs in proportion."""

MIN_LETTERS: Final = 20
"""Fewer letters are too few to tell a language by."""

MIN_LETTERS_OF_SCRIPT: Final = 8
"""Fewer letters are too few where the script alone tells it: a headline in Chinese has no more than a dozen."""

MIN_CONFIDENCE: Final = 0.5
"""An answer that less than half of the evidence speaks for is none."""


@dataclass(frozen=True, slots=True)
class Detected:
    """A language, and how sure that is.

    `code` is of ISO 639-1, as `transforms.text.languages` gives it for declared ones. `confidence`, from
    `MIN_CONFIDENCE` to 1 in thousandths, is the part of the evidence that speaks for this language: of the known
    function words found (and one more, so that few are never certain), of the letters by their script, or of the
    probability that the model gives out.
    """

    code: str
    confidence: float


def detect_language(text: str, declared: str | None = None) -> Detected | None:
    """The language of the first 600 characters of a text; None where it cannot be told.

    That is so with fewer than 20 letters (8 where the script alone tells it), where no answer reaches `MIN_CONFIDENCE`,
    and where the answer is no natural language, or one without a two-letter code. `declared` is a two-letter code or
    None; it decides between languages that cannot be told apart by what is looked at (`_TWINS`), and where few function
    words speak for it, and none for another.
    """
    sample = text[:SAMPLE_CHARS]
    found = _by_words(sample[: SAMPLE_CHARS // 2], _CLEAR_WORDS, max_others=0.0) or _by_words(sample)
    if found is None and declared is not None:
        weak = _by_words(sample, _DECLARED_WORDS, 0.0, 0.0)
        found = weak if weak is not None and weak[0] == declared else None
    found = found or _by_letters(sample)
    if found is None:
        return None
    code, confidence = found
    if declared is not None and declared != code and declared in _TWINS.get(code, ()):
        code = declared
    return Detected(code, round(confidence, 3)) if confidence >= MIN_CONFIDENCE else None


_TWINS: Final = {
    "no": ("nb",), "hr": ("bs", "sh"), "bs": ("hr", "sh"), "id": ("ms",), "ms": ("id",), "zh": ("ja",), "he": ("yi",),
    "am": ("ti",), "bo": ("dz",),
}  # fmt: skip
"""By the language found, what it may as well be. Norwegian is Bokmål unless said otherwise, a headline without kana may
be Japanese, and the rest share nearly all words, or a script and a text too short for those."""

_FUNCTION_WORDS: Final = {
    "en": """the of and that with by from have has had this they their which were been would said its his her who will
        not about after than when there what into over could because between against while where these those
        it's he's don't""",
    "de": """und das ist nicht mit von dem zu im auf für eine einen einer eines sich auch wird bei aus dass werden wurde
        wurden haben zum zur über durch nur oder aber wenn kann sein seine ihre nach noch sind vom unter
        gegen""",
    "fr": """les du est dans pour une au aux avec sont cette été ont pas leur leurs elle nous vous selon après ainsi
        aussi comme dont où même depuis c'est qu'il n'est d'un d'une ces sur et c’est qu’il n’est d’un d’une""",
    "es": """el los las y más pero sus fue también desde hasta según años donde cuando esta este estos sin muy entre
        hay ya había porque quien""",
    "it": """che della non sono gli dei delle nel nella nelle alla dal dalla dalle più anche degli questo questa dello
        sul sulla stato stata dopo ha è si ai alle ma anni prima essere""",
    "pt": """em um não ao aos são foi pelo pela também até já isso você nos ou seu sua nas às ele uma pelos pelas foram
        anos quando depois""",
    "nl": """een niet zijn wordt werd naar voor ook bij deze hij heeft hebben uit worden nog geen wel kunnen moet omdat
        het aan hun toen zich""",
    "sv": """och att är för inte till ett också från när även där kommer blir efter han hon skulle eller sedan""",
    "pl": """w że się jest przez oraz są dla był była było nie na jak po tym ale roku jego które który która będzie""",
    "tr": """ve için ile olarak olan daha gibi sonra kadar ancak olduğunu çok bir bu göre ise""",
    "ru": """что это также только был была было были чтобы если они её ее уже ещё еще будет который которые которая из
        его не по как при и""",
    "uk": """що це також та які який щоб було були від під й є він вона але про цього після буде або""",
    "yi": """און דער די איז פון פֿון מיט אויף האט האָט""",
    "ti": """ናይ ኣብ እዩ ካብ ከኣ ነቲ እቲ እዚ ምስ""",
}
"""The last two share their script with a larger language that the model knows in their stead."""

_MIN_WORDS: Final = 4
_MIN_SHARE: Final = 0.06
"""Function words of one language that a sample must have, and the part of all its words that they must be. Relatives
that are in no list (Galician, Danish, Afrikaans) have fewer of those listed for their neighbours."""
_MAX_OTHERS: Final = 0.2
"""How many there may be of all other languages, in parts of those of the one."""

_CLEAR_WORDS: Final = 8
"""With so many of one language and none of any other, half of the sample is enough."""

_DECLARED_WORDS: Final = 3
"""So many are enough where they are of the declared language, and there are no others."""

_LANGUAGE_OF_WORD: Final = {word: code for code, words in _FUNCTION_WORDS.items() for word in words.split()}


def _by_words(
    sample: str, min_words: int = _MIN_WORDS, min_share: float = _MIN_SHARE, max_others: float = _MAX_OTHERS
) -> tuple[str, float] | None:
    words = sample.lower().split()
    known = list(filter(None, map(_LANGUAGE_OF_WORD.get, words)))
    if len(known) < min_words:
        return None
    code = max(set(known), key=known.count)  # Of two that are equal neither is taken below.
    hits = known.count(code)
    if hits < min_words or hits < min_share * len(words) or len(known) - hits > max_others * hits:
        return None
    return code, hits / (len(known) + 1)


_SCRIPTS: Final = (
    (0x0370, 0x03FF, "el"), (0x0531, 0x058A, "hy"), (0x05D0, 0x05F4, "he"), (0x0780, 0x07B1, "dv"),
    (0x0A01, 0x0A76, "pa"), (0x0A81, 0x0AFF, "gu"), (0x0B01, 0x0B77, "or"), (0x0B82, 0x0BFA, "ta"),
    (0x0C00, 0x0C7F, "te"), (0x0C80, 0x0CF3, "kn"), (0x0D00, 0x0D7F, "ml"), (0x0D81, 0x0DF4, "si"),
    (0x0E01, 0x0E5B, "th"), (0x0E81, 0x0EDF, "lo"), (0x0F00, 0x0FDA, "bo"), (0x1000, 0x109F, "my"),
    (0x10A0, 0x10FF, "ka"), (0x1200, 0x139F, "am"), (0x1780, 0x17F9, "km"), (0x1F00, 0x1FFF, "el"),
    (0x3041, 0x30FF, "ja"), (0x3400, 0x9FFF, "zh"), (0xAC00, 0xD7A3, "ko"), (0xF900, 0xFAFF, "zh"),
    (0x20000, 0x323AF, "zh"),
)  # fmt: skip
"""First and last character of a block of Unicode, and the language that nearly all news in it is written in."""
_STARTS: Final = tuple(first for first, _, _ in _SCRIPTS)

_MIN_SCRIPT: Final = 0.6
"""The part of all letters that must be of one script; an article in Greek about a firm in London has this many."""
_MIN_KANA: Final = 0.05
"""Kana among the characters of Japanese and Chinese that make a text Japanese. News has 30 to 60 %, headlines fewer."""


def _by_letters(sample: str) -> tuple[str, float] | None:
    """By script, else by model."""
    of_script: Counter[str] = Counter()
    letters = 0
    for character, times in Counter(sample).items():
        if character.isalpha():
            letters += times
            script = _script(character)
            if script is not None:
                of_script[script] += times
    if of_script["ja"]:
        chinese = "ja" if of_script["ja"] >= _MIN_KANA * (of_script["ja"] + of_script["zh"]) else "zh"
        of_script[chinese] = of_script["ja"] + of_script["zh"]
    code, times = max(of_script.items(), key=itemgetter(1), default=("", 0))  # Of equals, none is enough.
    if times >= MIN_LETTERS_OF_SCRIPT and times >= _MIN_SCRIPT * letters:
        return code, times / letters
    return _model().answer(sample) if letters >= MIN_LETTERS else None


def _script(character: str) -> str | None:
    number = ord(character)
    if number < 0x370:
        return None
    _, last, code = _SCRIPTS[bisect_right(_STARTS, number) - 1]
    return code if number <= last else None


_FOLDED: Final = {
    "ary": "ar", "arz": "ar", "fuv": "ff", "grc": "el", "gug": "gn", "hbo": "he", "kik": "ki", "sdh": "ku", "uzs": "uz",
    "wuu": "zh", "yue": "zh",
}  # fmt: skip
"""Members of the languages that ISO 639-1 has one code for, by the codes of the model."""


class _Model:
    """The model of py3langid, with its scores added up exactly.

    It is naive Bayes over byte sequences: score = Σ ln(1 + times seen) · weight + prior. The weights are of half
    precision, multiples of 2⁻²⁴ below 16; the logarithms are rounded to multiples of 2⁻¹⁰ here. So each product and
    each sum (below 2¹⁷) has less than the 53 bits of a double, nothing is rounded, and the order in which a library
    adds on some machine does not matter.
    """

    def __init__(self) -> None:
        loaded: tuple[Any, ...] = load_model(MODEL_DIR / MODEL_FILE)
        self._weights, self._priors, classes, self._next, rows, self._features = loaded
        self._rows = [row << 8 for row in rows]
        self._codes = [_FOLDED.get(it, it) for it in classes]

    def answer(self, sample: str) -> tuple[str, float] | None:
        """Code and probability of the likeliest language, if it is one with a two-letter code."""
        if sample.isupper():
            sample = sample.lower()
        data = unicodedata.normalize("NFC", sample).encode("utf-8", "replace")
        seen = visit_counts(self._next, self._rows, self._features, data)
        if not seen:
            return None
        features = np.fromiter(seen.keys(), np.intp, len(seen))
        logarithms = np.array([_rounded_logarithm(times) for times in seen.values()], np.float64)
        scores = logarithms @ self._weights[features].astype(np.float64) + self._priors
        # py3langid's own: so scaled, the scores of short and of long texts are equally sure.
        scaled = ((scores - scores.max()) / math.sqrt(len(data))).tolist()
        parts: dict[str, float] = {}
        for code, score in zip(self._codes, scaled, strict=True):
            parts[code] = parts.get(code, 0.0) + math.exp(score)
        code = max(parts, key=parts.__getitem__)
        return (code, parts[code] / math.fsum(parts.values())) if code in CODES else None


@cache
def _rounded_logarithm(times: int) -> float:
    return round(math.log1p(times) * 1024) / 1024


@cache
def _model() -> _Model:
    return _Model()
