import re

from hypothesis import given
from hypothesis import strategies as st

from transforms.text.words import count_words


@given(st.text(st.characters()) | st.text(st.sampled_from("a_1 -'’“é½²ʼ\n\xa0日—…😀𝕏𠀀\U000e0061\ud800")))
def test_words_are_runs_of_word_characters(text: str) -> None:
    assert count_words(text) == len(re.findall(r"\w+", text))
