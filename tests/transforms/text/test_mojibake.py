import itertools

import ftfy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.mojibake import mend

SENTENCES = (
    "It’s a “good” day – isn’t it? … €5",
    "café naïve façade",
    "déjà vu à la carte à Paris",
    "Ölpreis steigt, Größe, Übung, Straße",
    "¿Qué pasó? ¡Año nuevo! Niño",
    "São Paulo, ação, coração",
    "Łódź, zażółć gęślą jaźń",
    "Příliš žluťoučký kůň",
    "Πρώτη είδηση από την Ελλάδα",
    "Привет, мир. В Москве жена",  # noqa: RUF001
    "Türkiye’de İstanbul şehri",
    "你好，世界",  # noqa: RUF001
    "日本語のニュース",
    "مرحبا بالعالم",
    "שלום עולם",
    "हिन्दी समाचार",
    "Đà Nẵng, Việt Nam",
    "😀 news 🎉",
    "£5, ½ cup, 30 °C, ©2024",
    "œuvre, Ærø, Škoda",
)
ENCODINGS = (
    *("latin-1", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859-2", "mac_roman", "cp437"),
    *("sloppy-windows-1252", "sloppy-windows-1251", "sloppy-windows-1250", "sloppy-windows-1253"),
)
FRAMES = ("{}", "The story says: {} and more of it.", "“{}” – he said it’s so.")


def misread(text: str, encoding: str) -> str | None:
    try:
        return text.encode().decode(encoding)
    except UnicodeDecodeError:
        return None


MISREAD = tuple(
    frame.format(garbled.replace("\xa0", blank))
    for sentence, encoding, frame, blank in itertools.product(SENTENCES, ENCODINGS, FRAMES, ("\xa0", " "))
    if (garbled := misread(sentence, encoding)) is not None
)


@pytest.mark.parametrize(
    ("garbled", "meant"),
    [
        ("itâ€™s", "it’s"),
        ("â€œgoodâ€\x9d day â€“ so", "“good” day – so"),
        ("cafÃ©", "café"),
        ("voilÃ  le travail", "voilà le travail"),
        ("Ã–lpreis", "Ölpreis"),
        ("EL CÃ“MO Y EL QUÃ‰", "EL CÓMO Y EL QUÉ"),
        ("SÃO PAULO E A NAÃ‡ÃƒO", "SÃO PAULO E A NAÇÃO"),
        ("Â£5 and Â©2024", "£5 and ©2024"),
        ("РџСЂРёРІРµС‚, РјРёСЂ", "Привет, мир"),  # noqa: RUF001
        ("ÃÂ©tÃÂ©", "été"),
        ("It\x92s \x93good\x94", "It’s “good”"),
        ("ä½\xa0å¥½", "你好"),
        ("ðŸ˜€ news", "😀 news"),  # noqa: RUF001
    ],
)
def test_what_was_read_in_a_wrong_encoding_is_as_it_was_written(garbled: str, meant: str) -> None:
    assert mend(garbled) == meant


def test_all_that_ftfy_mends_is_mended_and_a_second_time_changes_nothing() -> None:
    mended = {garbled: ftfy.fix_encoding(garbled) for garbled in MISREAD}
    assert sum(garbled != meant for garbled, meant in mended.items()) > 400
    assert {garbled: mend(garbled) for garbled in mended} == mended
    assert {meant: mend(meant) for meant in mended.values()} == {meant: meant for meant in mended.values()}


@pytest.mark.parametrize(
    "text",
    [
        *SENTENCES,
        "CONSTITUIÇÃO DA REPÚBLICA, AÇÃO, MÃE, ÂNGULO",
        "A IRMÃ, AMANHÃ",
        "“IRMÔ, «AVELû, MANHÃ…",
        "L’ÉTÉ « À LA PLAGE »",
        "«Été», “É”, LE CAFÉ», LA CITÉ…, DÉJÀ»",
        "RENÉ’S CAFÉ™",
        "på Å i Lofoten, GÖTEBORG – MALMÖ, Örö–Åbo",
        "„ŁÓDŹ”, „gęślą”, „PRÁCE“",
        "Пётр, Ії Київ «Її»",
        "ΑΘΗΝΑ, “Ελλάδα”",
        "«Ï», ÎLE, ŒUVRE, l’œuvre",
        "1 × 2 = 2², 50 °C, ½ £",
        "“ĐÀ NẴNG”",
        "Übergröße „Ü“",
        "a\u2028b\x00c\ud800",
        "",
    ],
)
def test_correct_text_of_any_language_is_unchanged(text: str) -> None:
    assert mend(text) == text
    for frame in FRAMES:
        assert mend(frame.format(text)) == frame.format(text)


@given(st.text() | st.text(st.sampled_from("aZ ÃÂâ€™é“”\x9d\xa0œž¢Ð²…\ufffd")))
def test_mending_twice_changes_nothing(text: str) -> None:
    assert mend(mend(text)) == mend(text)


@given(st.text(st.sampled_from("aZ é’“”–ÃÂâ€™\x9d\xa0œž¢Ð²…\ufffd")))
def test_what_is_mended_is_what_ftfy_mends(text: str) -> None:
    assert mend(text) in (text, ftfy.fix_encoding(text))
