from transforms.text.feed_elements import _FIELDS, _LISTS
from transforms.text.feed_names import tags_of


def test_a_name_means_the_same_in_every_namespace_of_its_vocabulary() -> None:
    assert tags_of("dc:date") == [
        "{http://purl.org/dc/elements/1.1/}date",
        "{http://purl.org/dc/elements/1.0/}date",
        "dc:date",
    ]
    assert {"id", "{http://purl.org/atom/ns#}id"} <= set(tags_of("atom:id"))
    assert {"enclosure", "{http://www.w3.org/2005/Atom}enclosure"} <= set(tags_of("rss:enclosure"))


def test_no_element_is_read_for_two_fields() -> None:
    names = [name for *_, elements, _ in (*_FIELDS, *_LISTS) for name in elements.split()]
    tags = [tag for name in names for tag in tags_of(name)]
    assert len(tags) == len(set(tags))
