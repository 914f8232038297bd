"""Declared languages to two letters of ISO 639-1."""

import re
from functools import lru_cache
from typing import Final

MAX_LANGUAGE_CHARS: Final = 40
"""No name of a language is that long, so what comes after is not read."""

CODES: Final = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en
    eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja
    jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb
    nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so
    sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    """.split()
)
"""ISO 639-1:2002 with its later additions, and `sh`, which old feeds still use."""

_OLD: Final = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro"}
"""Codes that the standard has replaced (IANA language subtag registry, Preferred-Value)."""

_THREE_LETTERS: Final = dict(
    pair.split(":")
    for pair in """
    afr:af alb:sq amh:am ara:ar arb:ar arm:hy aze:az baq:eu bel:be ben:bn bos:bs bul:bg bur:my cat:ca ces:cs
    chi:zh cmn:zh cym:cy cze:cs dan:da deu:de dut:nl ell:el eng:en est:et eus:eu fas:fa fil:tl fin:fi fra:fr
    fre:fr geo:ka ger:de gle:ga glg:gl gre:el guj:gu hau:ha heb:he hin:hi hrv:hr hun:hu hye:hy ibo:ig ice:is
    ind:id isl:is ita:it jpn:ja kan:kn kat:ka kaz:kk khm:km kin:rw kor:ko kur:ku lao:lo lat:la lav:lv lit:lt
    ltz:lb mac:mk mal:ml mar:mr may:ms mkd:mk mlt:mt mon:mn msa:ms mya:my nep:ne nld:nl nno:nn nob:nb nor:no
    orm:om pan:pa per:fa pes:fa pol:pl por:pt pus:ps ron:ro rum:ro rus:ru sin:si slk:sk slo:sk slv:sl som:so
    spa:es sqi:sq srp:sr swa:sw swe:sv tam:ta tel:te tgl:tl tha:th tir:ti tur:tr ukr:uk urd:ur uzb:uz vie:vi
    wel:cy yid:yi yor:yo zho:zh zul:zu
    """.split()
)
"""ISO 639-2 (both of its codes) and 639-3 of the languages with a press of their own."""

_NAMES: Final = {
    "arabic": "ar", "chinese": "zh", "dutch": "nl", "english": "en", "french": "fr", "german": "de", "hindi": "hi",
    "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko", "polish": "pl", "portuguese": "pt",
    "russian": "ru", "spanish": "es", "swedish": "sv", "turkish": "tr", "ukrainian": "uk",
}  # fmt: skip

_UNDETERMINED: Final = frozenset({"und", "mul", "zxx", "mis", "xx", "none", "null", "unknown", "x"})
"""What says that no one language is declared (ISO 639-2 special codes and usual fillers)."""

_SUBTAG: Final = re.compile(r"[A-Za-z]+")


class UnknownLanguage(ValueError):
    """A declared language that is no code or name we know. It makes a problem of its article, never a dead letter."""


@lru_cache(maxsize=256)
def language_code(declared: str) -> str | None:
    """The two-letter code, lower case, of a language tag or an English name; None where it says "none in particular".

    `en-US`, `en_us`, `ENG`, `English` are all `en`; of a list (`en, fr`) the first counts. Raises `UnknownLanguage`.
    """
    found = _SUBTAG.match(declared.strip())
    word = found[0].lower() if found is not None and found.end() < MAX_LANGUAGE_CHARS else ""
    if word in CODES:
        return word
    if word in _UNDETERMINED:
        return None
    code = _OLD.get(word) or _THREE_LETTERS.get(word) or _NAMES.get(word)
    if code is None:
        raise UnknownLanguage("not a language of ISO 639")
    return code
