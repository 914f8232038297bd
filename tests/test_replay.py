"""`beamwire replay --dead-letters`: what could not be used goes through today's code again."""

import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.dataset.commits import read_manifests, read_state
from pipeline.dataset.stores import open_storage
from tests.datasets import ROOT, SEEDS, all_rows, beamwire, digests, rows
from tests.faults import Point, events
from tests.kills import WORKERS
from tests.pipeline.sources.test_archives import record, response
from tests.warm import Prepare, Warm
from transforms.text.errors import BadInput, MalformedEntry, MalformedPage

if sys.platform == "win32":
    pytest.skip("processes are forked", allow_module_level=True)

PLAIN = ("--set", "enrich.enabled=false")


def break_step(step: str) -> None:
    """Lets a step fail on everything that it is given, in this process and its forks."""
    from transforms import parse
    from transforms.text import articles

    def fail(failure: BadInput) -> Any:
        def broken(*_: object) -> Any:
            raise failure

        return broken

    modules: Any = parse, articles
    if step == "Parse":
        modules[0]._entries = fail(MalformedPage("not today"))
    else:
        modules[1].clean_article = fail(MalformedEntry("not today"))


def broken(warm: Warm, step: str, *paths: Path, output: Path) -> None:
    """A run in which a step fails on everything."""
    prepare = Prepare("tests.test_replay:break_step", {"step": step})
    warm.run("run", *paths, "--output", output, *PLAIN, prepare=prepare)


def replay(warm: Warm, dataset: Path, *words: str) -> str:
    """The first line that a replay prints."""
    return warm.run("replay", "--dead-letters", dataset, *words).printed.partition("\n")[0]


@pytest.mark.parametrize("step", ["Parse", "Normalize"])
def test_what_failed_and_is_mended_gives_the_rows_of_a_run_that_had_worked_at_once(
    warm: Warm, tmp_path: Path, step: str
) -> None:
    good = SEEDS / "good"
    warm.run("run", good, "--output", tmp_path / "at once", *PLAIN)
    broken(warm, step, good, output=tmp_path / "later")
    count = len(rows(tmp_path / "later", "dead_letters"))
    said = replay(warm, tmp_path / "later")
    assert said.startswith(f"{count} dead letters replayed: ")
    assert said.endswith(", 0 failed again, 0 kept")
    assert all_rows(tmp_path / "later") == all_rows(tmp_path / "at once")
    before = digests(tmp_path / "later")
    for segment in (tmp_path / "later" / "_index").iterdir():
        segment.unlink()
    warm.run("index", "rebuild", tmp_path / "later")
    assert digests(tmp_path / "later") == before


def test_revisions_stand_in_the_order_in_which_their_inputs_came(warm: Warm, tmp_path: Path) -> None:
    story = {"url": "https://x.example/1", "title": "Story", "published": "2025-11-03T10:00:00Z"}
    texts = [f"The {number}. text of the story." for number in range(1, 9)]
    for text in texts:  # one file that changes, as a feed that is fetched every hour
        (tmp_path / "a.json").write_text(json.dumps(story | {"text": text}))
        broken(warm, "Parse", tmp_path / "a.json", output=tmp_path / "dataset")
    warm.run("compact", tmp_path / "dataset")
    replay(warm, tmp_path / "dataset")
    revisions = [*rows(tmp_path / "dataset", "articles"), *rows(tmp_path / "dataset", "revisions")]
    assert [row["text"] for row in sorted(revisions, key=lambda row: row["revision"])] == texts


def test_a_document_of_a_web_archive_keeps_its_address_charset_and_time(warm: Warm, tmp_path: Path) -> None:
    page = "<html><head><title>Café</title></head><body><article><p>" + "Un été à la mer. " * 40 + "</p></article>"
    archive = tmp_path / "a.warc"
    archive.write_bytes(record("response", response(page.encode("latin-1")), url="https://a.example/mer"))
    warm.run("run", archive, "--output", tmp_path / "at once", *PLAIN)
    broken(warm, "Parse", archive, output=tmp_path / "later")
    (letter,) = rows(tmp_path / "later", "dead_letters")
    assert (letter["url"], letter["charset"], letter["place"]) == ("https://a.example/mer", "iso-8859-1", "record 1")
    assert f"{letter['fetched']:%Y-%m-%dT%H:%M}" == "2025-11-24T14:00"
    replay(warm, tmp_path / "later")
    assert all_rows(tmp_path / "later") == all_rows(tmp_path / "at once")


def test_a_file_that_was_too_large_is_read_under_a_higher_cap_with_the_other_settings_of_the_last_batch(
    warm: Warm, tmp_path: Path
) -> None:
    (tmp_path / "long.txt").write_text("A long story\n\n" + "Words and words. " * 80_000)
    caps = ("--set", "source.max_document_mebibytes=1", "--set", "dead_letters.max_payload_kibibytes=2048")
    dataset = tmp_path / "dataset"
    warm.run("run", tmp_path / "long.txt", "--output", dataset, *PLAIN, *caps)
    before = rows(dataset, "dead_letters")
    assert [(row["kind"], row["reason"]) for row in before] == [("unit", "too_large")]
    assert replay(warm, dataset) == "1 dead letter replayed: 0 articles, 1 failed again, 0 kept"
    assert rows(dataset, "dead_letters") == before
    said = replay(warm, dataset, "--set", "source.max_document_mebibytes=4")
    assert said == "1 dead letter replayed: 1 article (1 new), 0 failed again, 0 kept"
    assert [(row["title"], row["source"]) for row in rows(dataset, "articles")] == [("A long story", "long.txt")]
    settings = [manifest.settings for manifest in read_manifests(open_storage(str(dataset)))]
    assert settings[0] == settings[1]
    assert settings[2]["dead_letters"] == settings[0]["dead_letters"]
    assert (settings[2]["enrich"]["enabled"], settings[2]["source"]["max_document_mebibytes"]) == (False, 4)


MIXED = {
    "a.jsonl": '{"title": "cut off\n' + '{"title": "cut and long ' + "x" * 2000 + "\n",
    "b.csv": "title,text,url\nOne,Words of one,https://x.example/1\nTwo,Words,https://x.example/2,too many\n",
    "c.html": "<html><body></body></html>",
}


@pytest.fixture
def mixed(warm: Warm, tmp_path: Path) -> Path:
    """A dataset with four dead letters: of a line, of a longer one that was cut, of a row of CSV, of a page."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, text in MIXED.items():
        (folder / name).write_text(text)
    dataset = tmp_path / "dataset"
    warm.run("run", folder, "--output", dataset, *PLAIN, "--set", "dead_letters.max_payload_kibibytes=1")
    assert [row["source"] for row in rows(dataset, "dead_letters")] == ["a.jsonl", "a.jsonl", "b.csv", "c.html"]
    return dataset


def test_what_cannot_be_run_again_or_was_not_chosen_stays_as_it_was(warm: Warm, mixed: Path) -> None:
    before = rows(mixed, "dead_letters")
    said = replay(warm, mixed, "--reason", "malformed_record")
    kept = "3 kept (1 cut payload, 1 not chosen, 1 piece of a file)"
    assert said == f"1 dead letter replayed: 0 articles, 1 failed again, {kept}"
    assert rows(mixed, "dead_letters") == before
    *_, manifest = read_manifests(open_storage(str(mixed)))
    assert {name: it for name, it in manifest.counts.items() if "letters" in name} == {
        "dead_letters:Parse:malformed_record": 1,
        "letters_replayed": 1,
        "letters_kept": 3,
    }


def test_payloads_are_not_cut_further(warm: Warm, mixed: Path) -> None:
    before = rows(mixed, "dead_letters")
    replay(warm, mixed, "--set", "dead_letters.max_payload_kibibytes=0")
    assert rows(mixed, "dead_letters") == before


def test_replaying_twice_with_nothing_mended_changes_no_article_and_no_letter(warm: Warm, tmp_path: Path) -> None:
    # A feed that is read in part, and a file that breaks off, bring entries and rows again that failed on their own.
    (tmp_path / "cut.xml").write_text(
        '<rss version="2.0"><channel><title>T</title><item><guid>nothing</guid></item>'
        "<item><link>https://x.example/1</link><title>One</title><description>Words of one</description></item>"
        "<item><title>cut of"
    )
    (tmp_path / "open.csv").write_text(
        "title,text,url\nOne,Words,https://x.example/2,more\nTwo,Words of two,https://x.example/3\n"
        'Three,"never closed\n'
    )
    dataset = tmp_path / "dataset"
    warm.run("run", SEEDS / "bad", tmp_path / "cut.xml", tmp_path / "open.csv", "--output", dataset, *PLAIN)
    before = all_rows(dataset)
    letters = {(row["source"], row["step"], row["reason"]) for row in before["dead_letters"]}
    assert letters >= {
        ("cut.xml", "Parse", "malformed_feed"),
        ("cut.xml", "Normalize", "malformed_entry"),
        ("open.csv", "Read", "malformed_record"),
        ("open.csv", "Read", "broken_container"),
    }
    replay(warm, dataset)
    assert all_rows(dataset) == before
    order = rows(dataset, "dead_letters")
    replay(warm, dataset)
    assert all_rows(dataset) == before
    assert rows(dataset, "dead_letters") == order
    done = read_state(open_storage(str(dataset))).done
    assert [name for name, *_ in done if name.startswith("dead_letters")] == []


def test_workers_replay_to_the_bytes_of_one_process(warm: Warm, tmp_path: Path) -> None:
    for number, folder in enumerate(("archives", "feeds", "pages", "records")):  # a file of dead letters each
        step = "Normalize" if number % 2 else "Parse"
        broken(warm, step, SEEDS / "good" / folder, SEEDS / "bad", output=tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "several")
    replay(warm, tmp_path / "one")
    replay(warm, tmp_path / "several", WORKERS)
    assert digests(tmp_path / "several") == digests(tmp_path / "one")


def test_a_dataset_at_gs_is_replayed_where_it_is(warm: Warm, tmp_path: Path, gcs_bucket: str) -> None:
    local = tmp_path / "dataset"
    broken(warm, "Parse", SEEDS / "good" / "feeds", SEEDS / "bad", output=local)
    location = f"gs://{gcs_bucket}/replayed"
    storage = open_storage(location)
    for path in local.rglob("*"):
        if path.is_file():
            storage.write(path.relative_to(local).as_posix(), path.read_bytes())
    warm.run("replay", "--dead-letters", location)
    replay(warm, local)
    remote = {file.name: storage.read(file.name) for file in storage.files() if not file.name.startswith("runs/")}
    assert remote == {name: (local / name).read_bytes() for name in digests(local)}


def test_a_replay_that_is_killed_leaves_the_old_state_or_the_new_one(warm: Warm, tmp_path: Path) -> None:
    broken(warm, "Normalize", SEEDS / "good" / "feeds", SEEDS / "bad", output=tmp_path / "before")
    log = tmp_path / "log"

    def replayed(name: str, count: int) -> int:
        log.unlink(missing_ok=True)
        kill = {"point": None, "batch": None, "count": count, "victim": "run"}
        prepare = Prepare("tests.faults:watch", {"root": str(tmp_path / name), "log": str(log), "kill": kill})
        return warm.run("replay", "--dead-letters", tmp_path / name, prepare=prepare, expect=None).code

    shutil.copytree(tmp_path / "before", tmp_path / "expected")
    assert replayed("expected", 0) == 0
    places = {point: number for number, (point, *_) in enumerate(events(log), 1)}
    for moment, state in (("before", "before"), ("after", "expected")):
        killed = shutil.copytree(tmp_path / "before", tmp_path / moment / "dataset")
        name = f"{moment}/dataset"
        assert replayed(name, places[Point("create", "manifest", moment)]) == -signal.SIGKILL
        assert all_rows(killed) == all_rows(tmp_path / state)
        assert replayed(name, 0) == 0
        assert all_rows(killed) == all_rows(tmp_path / "expected")
    assert digests(tmp_path / "before" / "dataset") == digests(tmp_path / "expected")


def test_the_list_of_commits_tells_a_replay(warm: Warm, mixed: Path) -> None:
    replay(warm, mixed)
    lines = warm.run("commits", mixed, "--format", "jsonl").printed.splitlines()
    told = [json.loads(line) for line in lines]
    assert [(it["kind"], it["units"], it["dead_letters"], it["files_removed"]) for it in told] == [
        ("batch", 3, 4, 0),
        ("replay", 2, 2, 1),
    ]
    assert "  replay  1 dead letter file  " in beamwire("commits", mixed, env={"COLUMNS": "200"}).stdout


def test_letters_of_removed_articles_stay_erased(warm: Warm, tmp_path: Path) -> None:
    url = "https://a.example/removed"
    (tmp_path / "a.json").write_text(json.dumps({"url": url, "title": "Removed", "text": "Words " * 40}))
    (tmp_path / "b.warc").write_bytes(record("response", response(b"<html><body></body></html>"), url=url))
    dataset = tmp_path / "dataset"
    warm.run("run", tmp_path / "a.json", tmp_path / "b.warc", "--output", dataset, *PLAIN)
    assert [row["url"] for row in rows(dataset, "dead_letters")] == [url]
    warm.run("remove", dataset, "--id", rows(dataset, "articles")[0]["id"])
    warm.run("compact", dataset)
    (erased,) = rows(dataset, "dead_letters")
    assert (erased["url"], erased["payload"], erased["payload_bytes"]) == (None, b"", 26)
    said = "Nothing to replay: of 1 dead letter none can be run again (1 cut payload)."
    assert replay(warm, dataset) == said
    assert rows(dataset, "dead_letters") == [erased]


def test_a_plan_says_what_would_be_replayed_and_writes_nothing(warm: Warm, mixed: Path) -> None:
    before = digests(mixed, without=())
    said = "Plan: 2 dead letters of 1 file to replay, 2 kept (1 cut payload, 1 piece of a file). Nothing is written."
    assert replay(warm, mixed, "--dry-run") == said
    assert replay(warm, mixed, "--reason", "too_large").startswith("Nothing to replay: of 4 dead letters none ")
    assert digests(mixed, without=()) == before


def test_mistakes_are_told_before_anything_runs(warm: Warm, mixed: Path, tmp_path: Path) -> None:
    def said(*words: str | Path) -> str:
        return warm.run("replay", *words, expect=2).said

    assert (
        said(mixed)
        == f"beamwire: what is to be replayed? Give --dead-letters: beamwire replay --dead-letters {mixed}\n"
    )
    unknown = said("--dead-letters", mixed, "--reason", "to_large")
    assert unknown.startswith(
        "beamwire: --reason to_large: there is no such reason, did you mean too_large? There are "
    )
    assert "malformed_entry, enrichment_failed" in unknown
    nowhere = tmp_path / "nowhere"
    assert f"{nowhere}: no dataset there, nothing is committed" in said("--dead-letters", nowhere)
    assert not nowhere.exists()
    assert "--reason" in said("--dead-letters", mixed, "--reasons=x")
    old = shutil.copytree(ROOT / "tests" / "golden" / "release-0.1", tmp_path / "old")
    assert f"{old}: of format 1, made by release 0.1" in said("--dead-letters", old)
    assert "there is no setting source.encodin" in said("--dead-letters", mixed, "--set", "source.encodin=x")
