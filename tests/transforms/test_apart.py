"""A process of its own for what may take too long: it answers, it is given up, and the next call finds a new one."""

import os
import pickle
import re
import signal
import time

import apache_beam as beam
import psutil
import pytest
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms.error_handling import ErrorHandler

from tests.articles import local_pipeline
from tests.transforms.slow_pages import sleep_over_a_page
from tests.transforms.test_dead_letters import Collect
from transforms.apart import Apart
from transforms.dead_letters import DivertFailures
from transforms.schemas import DeadLetter, Document
from transforms.text.errors import EmptyDocument, ReaderStopped
from transforms.text.pages import read_page


def test_it_answers_from_another_process_which_is_used_again() -> None:
    apart = Apart(os.getpid, 60)
    assert apart() == apart() != os.getpid()
    apart.close()


@pytest.mark.parametrize(
    ("function", "words"),
    [(time.sleep, (600,)), (re.match, ("(a+)+$", "a" * 64 + "b"))],
    ids=["asleep", "busy in C"],
)
def test_what_takes_too_long_is_given_up_and_the_next_call_is_answered(function: object, words: tuple) -> None:
    apart = Apart(function, 0.2)
    for _ in range(2):
        with pytest.raises(ReaderStopped, match=r"^not read within 0.2 seconds$"):
            apart(*words)
    apart.seconds = 60
    assert apart(*([0] if function is time.sleep else ["a", "b"])) is None
    apart.close()


def test_a_process_that_dies_is_a_bad_record() -> None:
    apart = Apart(signal.raise_signal, 60)
    with pytest.raises(ReaderStopped, match=r"^the process that read it ended with status -9$"):
        apart(signal.SIGKILL)
    apart.close()


def test_words_that_do_not_pickle_leave_no_answer_behind() -> None:
    apart = Apart(abs, 60)
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        apart(lambda: 1)  # type: ignore[arg-type]
    assert apart(-3) == 3
    apart.close()


def test_bad_input_comes_as_it_is_and_a_defect_with_its_traceback() -> None:
    apart = Apart(read_page, 60)
    with pytest.raises(EmptyDocument, match=r"^an empty page$"):
        apart(Document(0, "a.html", 0, "page", b""))
    with pytest.raises(RuntimeError, match=r"(?s)^Traceback.*AttributeError: 'int' object has no attribute 'body'"):
        apart(1)  # type: ignore[arg-type]
    apart.close()


def test_a_page_reads_the_same_in_a_process_of_its_own() -> None:
    document = Document(0, "a.html", 0, "page", b"<html><head><title>Ferry</title></head></html>")
    apart = Apart(read_page, 60)
    assert apart(document, encoding="utf-8") == read_page(document, "utf-8")
    apart.close()


def test_a_function_that_cannot_be_found_there_is_a_defect(capfd: pytest.CaptureFixture[str]) -> None:
    apart = Apart(type("Gone", (), {"__reduce__": lambda self: (os._exit, (1,)), "__call__": id})(), 60)
    with pytest.raises(RuntimeError, match="a process of its own could not be started for"):
        apart()
    apart.close()


def test_it_pickles_without_its_process_and_ends_it_with_itself() -> None:
    apart = Apart(os.getpid, 60)
    process = psutil.Process(apart())
    copy = pickle.loads(pickle.dumps(apart))
    assert copy() != process.pid
    del apart
    assert not process.is_running()
    copy.close()


def test_a_page_that_takes_too_long_is_a_dead_letter_and_the_run_goes_on() -> None:
    documents = [Document(0, f"{number}.html", number, "page", body) for number, body in enumerate([b"long", b"short"])]
    with local_pipeline() as root:
        with ErrorHandler(Collect()) as errors:
            read = Apart(sleep_over_a_page, 2)
            sources = root | beam.Create(documents) | DivertFailures(read, step="Parse", to=errors)
        assert_that(sources, equal_to(["1.html"]), label="sources")
        detail = "not read within 2 seconds"
        expected = DeadLetter(0, 0, 0, "0.html", "Parse", "reader_stopped", detail, "page", b"long", 4)
        assert_that(errors.output(), equal_to([expected]), label="letters")
