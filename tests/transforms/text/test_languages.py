import pytest

from transforms.text.languages import CODES, UnknownLanguage, language_code


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ("en", "en"),
        ("EN-us", "en"),
        ("pt_BR.UTF-8", "pt"),
        (" de ", "de"),
        ("deu", "de"),
        ("ger", "de"),
        ("zho", "zh"),
        ("English", "en"),
        ("en, fr", "en"),
        ("iw", "he"),
        ("zh-Hans-CN", "zh"),
        ("fil", "tl"),
        ("und", None),
        ("x-default", None),
    ],
)
def test_a_declared_language_becomes_two_letters(declared: str, code: str | None) -> None:
    assert language_code(declared) == code


@pytest.mark.parametrize("declared", ["qq", "klingon", "12", "", "日本語", "e" * 200])
def test_what_is_no_language_is_refused(declared: str) -> None:
    with pytest.raises(UnknownLanguage):
        language_code(declared)


def test_there_are_184_codes_of_the_standard() -> None:
    assert len(CODES) == 184
