"""The table at the end of a run and the plan before one, to the letter."""

import io
import shlex

import pytest

from pipeline.meter import StepCost
from pipeline.report import (
    DeadLetterCount,
    PlannedBatch,
    PlannedInput,
    PlannedStep,
    RunPlan,
    RunReport,
    Setting,
    count_text,
    duration_text,
    list_settings,
    print_plan,
    print_report,
    size_text,
)


def report(**changes: object) -> RunReport:
    values: dict[str, object] = dict(
        output="out",
        batches=1,
        units=12,
        documents=345,
        parsed=340,
        unchanged=2,
        removed=0,
        articles=268,
        duplicates_exact=50,
        duplicates_near=20,
        revisions=0,
        links=3,
        dead_letters=(),
        partitions=10,
        files=14,
        bytes=1234567,
        seconds=2.43,
    )
    return RunReport(**(values | changes))  # type: ignore[arg-type]


def printed(what: RunReport | RunPlan) -> str:
    file = io.StringIO()
    if isinstance(what, RunReport):
        print_report(what, file)
    else:
        print_plan(what, file)
    return file.getvalue()


def test_a_run_ends_with_what_it_did_and_the_next_command() -> None:
    letters = (
        DeadLetterCount("Parse", "not_json", 3),
        DeadLetterCount("Normalize", "no_text", 1),
        DeadLetterCount("Parse", "too_large", 1200),
    )
    assert printed(report(dead_letters=letters)) == (
        "read            345  documents of 12 units in 1 batch\n"
        "parsed          340  articles\n"
        "unchanged         2  known already, added no row\n"
        "articles        268  each story once\n"
        "duplicates       70  50 exact, 20 near\n"
        "revisions         0  later versions of an article\n"
        "links             3\n"
        "dead letters  1,204\n"
        "                  1  Normalize: no_text\n"
        "              1,200  Parse: too_large\n"
        "                  3  Parse: not_json\n"
        "written          14  files in 10 partitions, 1.2 MiB\n"
        "time          2.4 s  140 articles a second\n"
        "\n"
        "Next: beamwire query out\n"
        "      beamwire query out 'SELECT source, position, step, reason, detail FROM dead_letters'\n"
    )


def test_articles_that_were_refused_are_counted() -> None:
    assert "\nrefused           4  removed from the dataset before\n" in printed(report(removed=4))


def test_where_costs_were_measured_the_longest_steps_and_the_most_memory_are_shown() -> None:
    costs = {
        "Read": StepCost(0.4, 300 << 20),
        "Parse": StepCost(4.0, 431 << 20),
        "Normalize": StepCost(12.3, 431 << 20),
        "Write": StepCost(6.2, 120 << 20),
        "Commit": StepCost(0.1, None),
    }
    assert printed(report(costs=costs)).splitlines()[9:12] == [
        "time              2.4 s  140 articles a second",
        "longest            12 s  Normalize; then Write 6.2 s, Parse 4.0 s",
        "memory        431.0 MiB  at most",
    ]
    assert "longest        12 s  Normalize\n" in printed(report(costs={"Normalize": StepCost(12.3)}))


def test_of_a_run_that_took_its_time_for_something_else_no_step_is_said_to_be_the_longest() -> None:
    assert "longest " in printed(report(seconds=2.0, costs={"Enrich": StepCost(1.0)}))
    assert "longest " not in printed(report(seconds=2.0, costs={"Enrich": StepCost(0.9)}))


def test_without_dead_letters_there_is_one_next_command() -> None:
    assert printed(report()).endswith("\n\nNext: beamwire query out\n")


def test_commands_can_be_typed_as_they_are_printed_whatever_the_output_is_called() -> None:
    text = printed(report(output="my $out's", dead_letters=(DeadLetterCount("Parse", "x", 1),)))
    commands = [shlex.split(line.removeprefix("Next:")) for line in text.splitlines()[-2:]]
    assert [command[:3] for command in commands] == [["beamwire", "query", "my $out's"]] * 2
    assert [len(command) for command in commands] == [3, 4]


def test_a_run_that_finds_nothing_new_says_so() -> None:
    text = printed(report(units=0, batches=0))
    assert text == "Nothing to do: every input is committed already.\n\nNext: beamwire query out\n"


def test_one_of_a_thing_is_said_in_the_singular() -> None:
    text = printed(report(units=1, documents=1, parsed=1, partitions=1, files=1, seconds=0.0))
    for line in ("1  document of 1 unit in 1 batch\n", "1  article\n", "1  file in 1 partition, 1.2 MiB\n"):
        assert line in text


def plan(**changes: object) -> RunPlan:
    values: dict[str, object] = dict(
        output="out",
        runner="DirectRunner",
        inputs=(PlannedInput("a.xml", "feed", 900, "committed"), PlannedInput("b/c.jsonl.gz", "jsonl", 2048)),
        committed_batches=1,
        committed_units=1,
        rows=(("articles", 1200), ("links", 1)),
        batches=(PlannedBatch(1, 2048),),
        steps=(PlannedStep("Read", True), PlannedStep("Enrich", False, "enrich.enabled")),
        layout=(("articles/date=YYYY-MM-DD/", "each story once"), ("_commits/", "manifests")),
        settings=(Setting("output", "out", None), Setting("enrich.enabled", False, True), Setting("x.y", 1, 1)),
        warnings=(),
    )
    return RunPlan(**(values | changes))  # type: ignore[arg-type]


def test_a_plan_says_what_is_there_what_comes_and_how() -> None:
    assert printed(plan(warnings=("settings that shape rows have changed: enrich.enabled",))) == (
        "Plan: 2 inputs to out on DirectRunner. Nothing is written.\n"
        "Warning: settings that shape rows have changed: enrich.enabled\n"
        "\n"
        "Inputs\n"
        "  a.xml         feed     900 B  committed\n"
        "  b/c.jsonl.gz  jsonl  2.0 KiB\n"
        "\n"
        "By format\n"
        "  feed   1 input    900 B\n"
        "  jsonl  1 input  2.0 KiB\n"
        "\n"
        "Committed already\n"
        "  1 batch, 1 unit\n"
        "  articles  1,200  rows\n"
        "  links         1  row\n"
        "\n"
        "To come\n"
        "  batch 1  1 unit  2.0 KiB\n"
        "\n"
        "Steps\n"
        "  Read    on\n"
        "  Enrich  off  enrich.enabled\n"
        "\n"
        "Layout\n"
        "  articles/date=YYYY-MM-DD/  each story once\n"
        "  _commits/                  manifests\n"
        "\n"
        "Settings that differ from the defaults\n"
        '  output          "out"  default null\n'
        "  enrich.enabled  false  default true\n"
        "\n"
        "All settings\n"
        '  output          "out"\n'
        "  enrich.enabled  false\n"
        "  x.y             1\n"
    )


def test_a_plan_of_nothing_says_so() -> None:
    text = printed(plan(inputs=(), batches=(), settings=(), rows=()))
    assert "  nothing: every input is committed already\n" in text
    assert "Settings that differ from the defaults\n  none\n" in text


def test_a_plan_shows_the_first_twenty_inputs_and_counts_the_rest() -> None:
    inputs = tuple(PlannedInput(f"{number}.txt", "text", 1) for number in range(1025))
    lines = printed(plan(inputs=inputs)).splitlines()
    start = lines.index("Inputs")
    assert lines[start + 20] == "  19.txt  text  1 B"
    assert lines[start + 21 : start + 23] == ["  … and 1,005 more", ""]
    assert "  text  1,025 inputs  1.0 KiB" in lines


def test_a_plan_of_several_batches_adds_them_up() -> None:
    lines = printed(plan(batches=(PlannedBatch(2, 1 << 20),) * 22)).splitlines()
    assert lines[lines.index("  batch 20  2 units  1.0 MiB") :][1:3] == [
        "  … and 2 more",
        "  in all 22 batches, 44 units, 22.0 MiB",
    ]


def test_the_name_of_a_file_cannot_write_to_the_terminal() -> None:
    text = printed(plan(inputs=(PlannedInput("a\x1b[2J\n\udcff.txt", "text", 1),)))
    assert "  a\\x1b[2J\\n\\udcff.txt  text  1 B\n" in text
    text.encode()


def test_settings_have_dotted_names_and_a_field_map_is_one_value() -> None:
    settings = {"output": "o", "source": {"paths": ["a"], "fields": {"title": "t"}}, "enrich": {"enabled": False}}
    defaults: dict[str, object] = {"output": None, "source": {"paths": [], "fields": {}}, "enrich": {"enabled": True}}
    assert list_settings(settings, defaults) == (
        Setting("output", "o", None),
        Setting("source.paths", ["a"], []),
        Setting("source.fields", {"title": "t"}, {}),
        Setting("enrich.enabled", False, True),
    )


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        ((1 << 20) - 1, "1.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (3 << 40, "3.0 TiB"),
    ],
)
def test_sizes_are_for_people(size: int, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1:00"),
        (725, "12:05"),
        (3723, "1:02:03"),
    ],
)
def test_durations_are_for_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_counts_are_for_people() -> None:
    assert [count_text(1, "batch"), count_text(2, "batch"), count_text(2000, "file")] == [
        "1 batch",
        "2 batches",
        "2,000 files",
    ]
