import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.markup import html_to_text, inline_text, looks_like_html
from transforms.text.spacing import tidy

PIECES = st.lists(
    st.sampled_from(
        [
            "<p>",
            "</p>",
            "<br/>",
            "<b>",
            "</b>",
            "word ",
            "x < y ",
            "a > b ",
            '<img alt="a > b">',
            "<img alt='<b>'>",
            "<!--",
            "-->",
            "<script>",
            "</script>",
            "<pre>",
            "\n",
            "&amp;",
            "&lt;p&gt;",
            "<a href='x",
            "<![CDATA[",
            "]]>",
            "<",
            ">",
            '"',
            "<svg/>",
            "<DIV CLASS=x>",
            "<5",
            "&#xD800;",
            "<p",
        ]
    )
).map("".join)


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("plain & simple\nsecond line", "plain & simple\nsecond line"),
        ("Tom &amp; Jerry &eacute;&#8217;&#x2014;", "Tom & Jerry é’—"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<P CLASS=x>One</P>\n<DIV>Two</DIV>", "One\n\nTwo"),
        ("line one<br>line two<br />line three", "line one\nline two\nline three"),
        ("<p>a\n  wrapped\tline</p>", "a wrapped line"),
        ("half<b>bold</b>word", "halfboldword"),
        ("<ul><li>one</li><li>two</li></ul>after", "one\ntwo\n\nafter"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>a\n  b</pre>c\nd", "a\nb\n\nc d"),
        ("a<script>if (x < 1) { '</p>' }</script>b<style>p { }</style>c", "a b c"),
        ("a<SCRIPT>x</SCRIPT >b", "a b"),
        ("a<!-- <p>hidden</p> -->b<!>c<?php echo 1 ?>d", "abcd"),
        ("<![CDATA[<p>inside</p>]]>", "inside"),
        ('<img alt="a > b">text', "text"),
        ('<img alt="<b>bold</b>">text', "text"),
        ('<a href="it\'s" title=\'say "no"\'>text</a>', "text"),
        ("5 < 6 and 7 > 3 <b>so</b>", "5 < 6 and 7 > 3 so"),
        ("I <3 <i>you</i>", "I <3 you"),
        ("&lt;p&gt; is a tag", "<p> is a tag"),
        ("cut off in a tag <a href='http://e.exam", "cut off in a tag"),
        ("cut off in a script <script>var a", "cut off in a script"),
        ("<object>never closed", "never closed"),
        ("<iframe src='x'/>after", "after"),
        ("<parchment>p</parchment>", "p"),
    ],
)
def test_html_becomes_the_text_that_a_reader_sees(markup: str, expected: str) -> None:
    assert tidy(html_to_text(markup)) == expected


@given(PIECES)
def test_no_tag_of_a_known_name_is_left(markup: str) -> None:
    text = html_to_text(markup.replace("&lt;", ""))
    assert "<b>" not in text and "</p>" not in text


@given(PIECES | st.text())
def test_any_markup_is_read(markup: str) -> None:
    tidy(html_to_text(markup)).encode()


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a ",
        "<div>",
        '<a b="',
        "<a ='>' ",
        "<!--",
        "<![CDATA[",
        "<script>",
        "<object>",
        "<pre>",
        "<p/",
        "&",
        "&#x1;",
    ],
)
def test_repeated_markup_is_read_in_linear_time(piece: str) -> None:
    started = time.process_time()
    html_to_text(piece * (300_000 // len(piece)))
    assert time.process_time() - started < 2


def test_a_title_is_one_tidy_line() -> None:
    assert inline_text(" <b>Tom</b> &amp;\n Jerry&nbsp;win ") == "Tom & Jerry win"
    assert inline_text("AT&T up 5 < 6 %") == "AT&T up 5 < 6 %"
    assert inline_text("Caf&Atilde;&copy; opens") == "Café opens"


def test_text_without_a_type_is_html_if_it_has_usual_tags() -> None:
    assert looks_like_html("a<br/>b") and looks_like_html('<P class="x">')
    assert not looks_like_html("a < b > c") and not looks_like_html("<person@example.org>")


@pytest.mark.parametrize(
    ("reference", "character"),
    [
        ("&#65;", "A"),
        (f"&#{'0' * 5000}65;", "A"),
        (f"&#{'9' * 5000};", "\ufffd"),
        (f"&#{'9' * 5000}", "\ufffd"),
        (f"&#x{'f' * 5000};", "\ufffd"),
        (f"&#{'0' * 5000};", "\ufffd"),
    ],
)
def test_a_character_reference_may_have_any_number_of_digits(reference: str, character: str) -> None:
    assert html_to_text(f"<p>a{reference} b").strip() == f"a{character} b"
    assert inline_text(f"a{reference} b") == f"a{character} b"
