from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text import language_detection
from transforms.text.language_detection import Detected, detect_language
from transforms.text.languages import CODES

SAMPLES = dict(
    line.split("\t")
    for line in Path(__file__).with_name("language_samples.txt").read_text(encoding="utf-8").splitlines()
)
"""A short item of news in each of 72 languages, written for these tests."""

NOT_IN_THE_MODEL = {"ti", "yi"}


@pytest.mark.parametrize("code", SAMPLES)
def test_a_short_item_of_news_is_enough_to_tell_its_language(code: str) -> None:
    found = detect_language(SAMPLES[code])
    assert found is not None and found.code == code
    assert found.confidence >= 0.6


def test_the_words_and_the_model_agree() -> None:
    answers = {code: (language_detection._by_words(text), language_detection._model().answer(text))
               for code, text in SAMPLES.items() if code not in NOT_IN_THE_MODEL}  # fmt: skip
    assert {code for code, (words, model) in answers.items() if words and model and words[0] != model[0]} == set()
    assert {code for code, (words, _) in answers.items() if words} >= {"en", "de", "fr", "es", "it", "nl", "sv", "pl"}


def test_the_script_and_the_model_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    by_model = {code: language_detection._model().answer(text) for code, text in SAMPLES.items()}
    monkeypatch.setattr(language_detection, "_model", _no_model)
    by_script = {}
    for code, text in SAMPLES.items():
        try:
            by_script[code] = language_detection._by_letters(text)
        except LookupError:
            continue
    assert sorted(by_script) == sorted("am el gu he hy ja ka km kn ko lo ml my pa si ta te th ti yi zh".split())
    for code, found in by_script.items():
        model = by_model[code]
        assert found is not None and model is not None and found[0] == model[0]


def _no_model() -> None:
    raise LookupError


def test_what_is_usual_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_detection, "_model", _no_model)
    assert detect_language(SAMPLES["en"]) == Detected("en", 0.941)
    assert detect_language(SAMPLES["el"]) == Detected("el", 1.0)
    assert detect_language(SAMPLES["ja"] + " Reuters") == Detected("ja", 0.887)


def test_a_word_is_in_the_list_of_one_language() -> None:
    listed = [word for words in language_detection._FUNCTION_WORDS.values() for word in words.split()]
    assert sorted({word for word in listed if listed.count(word) > 1}) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "Live",
        "Results: 12 – 3",
        "1,234.50 2,345.60 3,456.70 4,567.80 5,678.90 6,789.01 7,890.12",
        "日本",
        "Έκτακτο",
        "🎉" * 300,
        "\ud800" * 300,
    ],
)
def test_too_little_tells_nothing(text: str) -> None:
    assert detect_language(text) is None


def test_a_headline_in_a_script_of_its_own_is_enough() -> None:
    assert detect_language("中国宣布对进口汽车加征关税") == Detected("zh", 1.0)
    assert detect_language("Εκλογές στην Αθήνα") == Detected("el", 1.0)


def test_capitals_are_read_like_small_letters() -> None:
    assert detect_language(SAMPLES["en"].upper()) == detect_language(SAMPLES["en"])
    found = detect_language(SAMPLES["hu"].upper())
    assert found is not None and found.code == "hu"


def test_the_start_of_the_text_decides() -> None:
    assert detect_language(SAMPLES["en"] * 4 + SAMPLES["de"] * 40) == detect_language(SAMPLES["en"] * 4)


def test_names_and_quotations_in_another_script_do_not_count() -> None:
    found = detect_language(SAMPLES["el"] + " Financial Times, London Stock Exchange")
    assert found is not None and found.code == "el" and found.confidence < 1
    found = detect_language(SAMPLES["en"] + " (Εκλογές στην Αθήνα)")
    assert found is not None and found.code == "en"


@pytest.mark.parametrize(
    ("sample", "declared", "code"),
    [
        ("no", "nb", "nb"),
        ("no", "nn", "no"),
        ("hr", "bs", "bs"),
        ("id", "ms", "ms"),
        ("en", "de", "en"),
        ("de", "en", "de"),
        ("zh", "ja", "ja"),
        ("ja", "zh", "ja"),
        ("am", "ti", "ti"),
    ],
)
def test_what_is_declared_decides_between_twins_only(sample: str, declared: str, code: str) -> None:
    found = detect_language(SAMPLES[sample], declared)
    assert found is not None and found.code == code


@given(
    st.text(max_size=300) | st.text("the und з 中の한 אa.,\n", max_size=300), st.none() | st.sampled_from(sorted(CODES))
)
def test_any_text_has_an_answer_within_bounds_or_none(text: str, declared: str | None) -> None:
    found = detect_language(text, declared)
    assert found == detect_language(text, declared)
    if found is not None:
        assert found.code in CODES
        assert 0.5 <= found.confidence <= 1 and found.confidence == round(found.confidence, 3)


def test_the_scores_of_the_model_are_sums_without_rounding() -> None:
    model = language_detection._model()
    weights = np.abs(model._weights)
    assert weights.dtype == np.float16 and weights.max() < 16
    logarithms = np.array([language_detection._rounded_logarithm(times) for times in range(1, 601)])
    assert np.array_equal(logarithms * 1024, np.rint(logarithms * 1024)) and logarithms.max() < 8
    # 600 characters are at most 2,400 bytes, and 2,400 · 8 · 16 · 2³⁴ < 2⁵³.
    assert 2_400 * 8 * 16 * 2**34 < 2**53
    rows = model._weights[:600].astype(np.float64)
    assert np.array_equal(logarithms @ rows, logarithms[::-1] @ rows[::-1])
