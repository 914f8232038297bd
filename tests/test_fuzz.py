import pytest

from tests.fuzz import check, corpus, fuzz


def test_the_corpus_has_documents_of_every_kind() -> None:
    assert {kind for kind, _ in corpus()} == {"feed", "page", "record", "text"}


def test_every_document_of_the_corpus_passes_as_it_is() -> None:
    assert sum(check(kind, body) for kind, body in corpus()) == 29


@pytest.mark.parametrize("seed", range(4))
def test_spoiled_documents_raise_nothing_but_bad_input(seed: int) -> None:
    done, articles = fuzz(seed, rounds=100)
    assert done == 100
    assert articles > 30
