import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.schemas import Problem
from transforms.text.json_ld import LinkedData, addresses_of, read_linked_data, types_of

STORY = {"@type": "NewsArticle", "headline": "Ferry"}


@pytest.mark.parametrize(
    "data",
    [
        STORY,
        [{"@type": "WebSite"}, STORY],
        {"@graph": [{"@type": "BreadcrumbList"}, STORY]},
        {"@graph": STORY},
        [[{"@graph": [[STORY]]}]],
        {"@type": "WebPage", "mainEntity": STORY},
        {"@type": "WebPage", "mainEntity": [STORY]},
    ],
)
def test_a_story_is_found_where_pages_put_it(data: object) -> None:
    assert read_linked_data([json.dumps(data)]).stories == (STORY,)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("\n<!--\n", "\n-->\n"),
        ("<![CDATA[", "]]>"),
        ("//<![CDATA[\n", "\n//]]>"),
        ("/*<![CDATA[*/", "/*]]>*/"),
        ("<!--//<![CDATA[\n", "\n//]]>-->"),
        ("", ";"),
    ],
)
def test_what_hides_json_from_old_browsers_is_taken_off(before: str, after: str) -> None:
    found = read_linked_data([before + json.dumps(STORY) + after])
    assert (found.stories, found.problems) == ((STORY,), ())


@pytest.mark.parametrize(
    "kind",
    ["Article", "ReportageNewsArticle", "LiveBlogPosting", ["Thing", "newsarticle"], "https://schema.org/NewsArticle",
     "schema:NewsArticle", "ImageGallery"],
)  # fmt: skip
def test_types_of_stories_are_known_in_any_spelling(kind: object) -> None:
    assert len(read_linked_data([json.dumps({"@type": kind})]).stories) == 1


@pytest.mark.parametrize("kind", ["JobPosting", "DiscussionForumPosting", "WebPage", None, 3, [4], {"a": 1}])
def test_other_types_are_no_stories(kind: object) -> None:
    assert read_linked_data([json.dumps({"@type": kind})]).stories == ()


def test_the_types_of_all_else_are_kept() -> None:
    data = [STORY, {"@type": ["WebPage", "CollectionPage"], "mainEntity": {"@type": "ItemList", "x": {"@type": "No"}}}]
    assert read_linked_data([json.dumps(data)]).types == {"webpage", "collectionpage", "itemlist"}
    assert types_of({}) == frozenset()


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("Ann", ("Ann",)),
        (["Ann", "Bob"], ("Ann", "Bob")),
        ({"@type": "Person", "name": "Ann"}, ("Ann",)),
        ([{"name": ["Ann", "Bob"]}, [{"name": "Cy"}]], ("Ann", "Bob", "Cy")),
        ({"@list": [{"name": "Ann"}]}, ("Ann",)),
        ({"@type": "Text", "@value": "Ann"}, ("Ann",)),
        ({"@id": "#ann"}, ("Ann Alder",)),
        ([{"@type": "Person", "@id": "#ann"}, {"@id": "#unknown"}], ("Ann Alder",)),
        ({"name": {"name": {"name": "Ann"}}}, ("Ann",)),
        ({"name": {"name": {"name": {"name": {"name": "too deep"}}}}}, ()),
        (1_700_000_000, ("1700000000",)),
        ([None, True, "", " ", {}, [], {"name": None}], ()),
        (None, ()),
    ],
)
def test_texts_are_found_in_any_shape_of_a_value(value: object, texts: tuple[str, ...]) -> None:
    found = read_linked_data([json.dumps([{"@id": "#ann", "@type": "Person", "name": "Ann Alder"}])])
    assert found.texts(value) == texts


def test_the_first_text_of_an_id_counts_and_an_id_that_leads_to_itself_leads_nowhere() -> None:
    found = read_linked_data([json.dumps([{"@id": "#a", "name": {"@id": "#a"}}, {"@id": "#a", "name": "later"}])])
    assert found.texts({"@id": "#a"}) == ()


def test_line_breaks_within_texts_are_let_through() -> None:
    assert read_linked_data(['{"@type": "Article", "headline": "two\nlines"}']).stories[0]["headline"] == "two\nlines"


def test_broken_scripts_are_named_once_and_the_others_read() -> None:
    found = read_linked_data(["{broken", "[" * 20, json.dumps(STORY), "", "1" * 5000])
    assert found.stories == (STORY,)
    assert found.problems == (Problem("json_ld", "broken_json_ld", "{broken"),)


def test_deep_and_huge_scripts_are_refused_by_caps_and_the_others_read() -> None:
    deep = "[" * 65 + "]" * 65
    found = read_linked_data([deep, json.dumps(STORY)])
    assert (found.stories, found.problems) == ((STORY,), (Problem("json_ld", "too_large_json_ld", deep),))
    within = json.dumps({**STORY, "alternativeHeadline": "[{" * 99, "x": [[]] * 40})
    assert read_linked_data([within]).problems == ()
    huge = json.dumps({"@type": "Thing", "text": "x" * (1 << 20)})
    found = read_linked_data([json.dumps(STORY), huge, json.dumps({"@type": "Report"})])
    assert [story["@type"] for story in found.stories] == ["NewsArticle", "Report"]
    assert found.problems == (Problem("json_ld", "too_large_json_ld", huge[:200]),)


def test_objects_beyond_a_thousand_are_not_looked_at() -> None:
    assert len(read_linked_data([json.dumps([STORY] * 600)] * 2).stories) == 1000


def test_an_object_says_its_address_in_three_places() -> None:
    page = {"@id": "https://daily.example/2"}
    assert addresses_of({"url": "https://daily.example/1", "mainEntityOfPage": page, "@id": "#3"}) == [
        "https://daily.example/1",
        "https://daily.example/2",
        "#3",
    ]
    assert addresses_of({"url": ["x"], "mainEntityOfPage": {"@id": 1}}) == []


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.just("Article"),
        lambda inner: st.lists(inner) | st.dictionaries(
            st.sampled_from(["@type", "@id", "@graph", "@list", "name", "author", "url", "mainEntityOfPage"]), inner
        ),
    )
)  # fmt: skip
def test_any_json_is_read(data: object) -> None:
    found = read_linked_data([json.dumps(data)])
    assert isinstance(found, LinkedData)
    for story in found.stories:
        assert all(isinstance(text, str) for text in (*found.texts(story.get("author")), *addresses_of(story)))


@settings(deadline=None)
@given(st.text(alphabet='[]{}",:\\/*<!-CDAT>; a1'))
def test_any_text_is_read_or_named(script: str) -> None:
    assert {problem.reason for problem in read_linked_data([script]).problems} <= {"broken_json_ld"}
