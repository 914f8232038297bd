from hypothesis import example, given
from hypothesis import strategies as st

from transforms.text.keys import (
    content_hash,
    feed_key,
    fold,
    guid_key,
    hashes,
    plain_punctuation,
    record_hash,
    title_key,
    url_key,
)
from transforms.text.spacing import tidy, tidy_line
from transforms.text.words import count_words

ODD = st.text() | st.text(st.sampled_from("ŉʼ`’“\u200d…–\xa0\n İΣßa日"))


def test_keys_are_stable_for_ever() -> None:
    """A change here makes every dataset in the world unreadable: it needs a new format number."""
    assert url_key("https://example.org/a").hex() == "fc11985480218ab6729eca0523d5b68e"
    assert guid_key("tag:1", "https://example.org/feed").hex() == "7512d08de104f1ef357641bdfc9aee65"
    assert feed_key("https://example.org/feed").hex() == "e1dcfba8822603e29b2608017b44368b"
    assert title_key("“Café”  Closes – Again").hex() == "45ea8b9790daf9da38b5ee72ee7646c2"
    assert content_hash("It’s a\n\nlong Story…").hex() == "2623a609ed08006fe6d003bdfb54fd25"
    assert record_hash("Title", "Text").hex() == "66608e85316e33cfb59ae89e61b0db19"
    assert record_hash("", "").hex() == "52f8594144a858eb851da562c5e748c2"


def test_kinds_and_parts_never_run_into_each_other() -> None:
    keys = {guid_key("c", "ab"), guid_key("bc", "a"), guid_key("", "abc"), guid_key("abc", ""), url_key("abc")}
    assert len(keys | {feed_key("abc"), title_key("abc"), content_hash("abc")}) == 8


def test_folding_makes_equal_what_typography_tells_apart() -> None:
    assert fold("“It’s” – STRAẞE…\u00a0now\n\n") == fold('"it\'s" - strasse... now')
    assert title_key("Don’t panic") == title_key("DON'T  PANIC")
    assert content_hash("One\n\ntwo") == content_hash("one two")
    assert content_hash("One two") != content_hash("One, two")


@given(ODD.map(tidy_line), ODD.map(tidy))
def test_the_hashes_of_a_tidy_article_are_those_of_the_single_functions(title: str, text: str) -> None:
    expected = title_key(title), content_hash(text), record_hash(title, text)
    assert hashes(title, plain_punctuation(text)) == expected


@given(ODD)
def test_plain_punctuation_changes_neither_what_is_compared_nor_the_number_of_words(text: str) -> None:
    plain = plain_punctuation(text)
    assert fold(plain) == fold(text) and count_words(plain) == count_words(text)


def test_punctuation_is_plain_where_it_is_ascii() -> None:
    assert plain_punctuation("‘It’s’ – “so”… naïve") == "'It's' - \"so\"... naïve"


@given(ODD | ODD.map(("Some more Words. " * 10).__add__))
@example("Some more Words. " * 50 + "".join(map(chr, range(0xC0, 0x180))))
def test_the_case_of_every_character_is_folded(text: str) -> None:
    plain = plain_punctuation(text).translate({0x60: "'", 0x200C: None, 0x200D: None})
    assert fold(text) == " ".join(plain.casefold().replace("\u02bc", "'").split())


@given(ODD)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(st.characters()))
def test_any_text_has_a_key_of_16_bytes(text: str) -> None:
    assert len(content_hash(text)) == len(url_key(text)) == 16
