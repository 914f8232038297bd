"""Beam's options: what is accepted, what is refused and how."""

import os
import subprocess
import sys
import textwrap

import pytest
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from pipeline import options as module
from pipeline.options import OptionError, is_local, make_runner, parse_beam_options, split_arguments, worker_processes

OWN = ("--output", "--set", "--dry-run", "--quiet")


def refusal(*arguments: str) -> str:
    with pytest.raises(OptionError) as caught:
        parse_beam_options(arguments, OWN)
    message = str(caught.value)
    assert "\n" not in message
    return message


def settled(*arguments: str) -> tuple[bool, str]:
    options = parse_beam_options(arguments, OWN)
    return is_local(options), options.view_as(StandardOptions).runner


def processes(*arguments: str, mebibytes: int = 1000) -> int:
    return worker_processes(parse_beam_options(arguments, OWN), mebibytes << 20)


def test_without_options_a_run_is_local() -> None:
    assert settled() == (True, "DirectRunner")
    assert type(make_runner(parse_beam_options([]))) is FnApiRunner


@pytest.mark.parametrize(("mebibytes", "count"), [(0, 1), (15, 1), (31, 1), (32, 2), (64, 4), (65, 4), (1000, 4)])
def test_a_run_takes_as_many_processes_as_its_input_is_worth_and_as_there_are_processors(
    mebibytes: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "processors", lambda: 4)
    assert processes(mebibytes=mebibytes) == count


@pytest.mark.parametrize(
    "name",
    ["DirectRunner", "directrunner", "direct", "FnApiRunner", "apache_beam.runners.direct.direct_runner.DirectRunner"],
)
def test_direct_runner_in_any_spelling_is_the_runner_that_never_downloads(name: str) -> None:
    assert type(make_runner(parse_beam_options([f"--runner={name}"]))) is FnApiRunner


def test_a_number_of_workers_is_a_number_of_processes_whatever_the_input() -> None:
    assert processes("--direct_num_workers=5", mebibytes=0) == 5
    assert processes("--direct_num_workers", "5", "--direct_running_mode", "multi_processing", mebibytes=0) == 5
    assert processes("--direct_num_workers=1") == 1
    assert processes("--direct_running_mode=in_memory") == 1


def test_no_number_of_workers_is_one_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "processors", lambda: 3)
    assert processes("--direct_num_workers=0", mebibytes=0) == 3
    assert processes("--direct_running_mode=multi_processing", mebibytes=0) == 3


def test_what_beam_runs_is_one_worker_to_it() -> None:
    options = parse_beam_options(["--direct_num_workers=5"])
    assert type(make_runner(options)) is FnApiRunner
    direct = options.view_as(DirectOptions)
    assert (direct.direct_num_workers, direct.direct_running_mode) == (1, "in_memory")


def test_modes_that_lose_data_or_workers_are_refused_with_the_reason() -> None:
    assert "loses and corrupts data" in refusal("--direct_running_mode=multi_threading")
    assert "loses data" in refusal("--experiments=a,data_buffer_time_limit_ms=1")
    assert "the work of one" in refusal("--direct_running_mode=in_memory", "--direct_num_workers=2")
    assert "1 or more" in refusal("--direct_num_workers=-1")


@pytest.mark.parametrize(
    ("argument", "nearest"),
    [
        ("--direct_num_wokers=2", "--direct_num_workers"),
        ("--direct-num-workers=2", "--direct_num_workers"),
        ("--RUNNER=x", "--runner"),
        ("--ouput=x", "--output"),
        ("--drey-run", "--dry-run"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_known_one_ours_included(argument: str, nearest: str) -> None:
    assert refusal(argument) == f"unknown option {argument.partition('=')[0]}; the nearest is {nearest}"


def test_an_option_like_no_other_is_refused_too() -> None:
    assert refusal("--xqzv") == "unknown option --xqzv: neither beamwire nor Apache Beam has one of a similar name"


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--direct_num_workers=two", "--direct_num_workers takes a whole number, not 'two'"),
        ("--profile_sample_rate=x", "--profile_sample_rate takes a number, not 'x'"),
        ("--flexrs_goal=x", "--flexrs_goal takes COST_OPTIMIZED or SPEED_OPTIMIZED, not 'x'"),
        ("--beam_services=x", "--beam_services takes a JSON object, not 'x'"),
        ("--beam_services=[1]", "--beam_services takes a JSON object, not '[1]'"),
        ("--gcs_custom_audit_entries=[1]", "--gcs_custom_audit_entries takes a JSON object, not '[1]'"),
        ("--sdk_harness_log_level_overrides=1", "--sdk_harness_log_level_overrides takes a JSON object, not '1'"),
        ("--no_auth=1", "--no_auth takes no value; it was given '1'"),
        ("--project", "--project needs a value: --project=…"),
        ("--dry_run", "--dry_run needs a value: --dry_run=…, or did you mean --dry-run?"),
        ("stray", "unexpected argument 'stray'"),
    ],
)
def test_a_bad_value_is_one_clean_sentence(argument: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(argument) == sentence
    assert capsys.readouterr() == ("", "")


def test_what_beam_itself_would_refuse_later_is_refused_now() -> None:
    assert "process_command" in refusal("--environment_type=PROCESS")


def test_a_plan_asked_for_in_the_wrong_spelling_is_not_a_run() -> None:
    assert refusal("--dry_run=True").endswith("write --dry-run")


def test_streaming_is_refused_in_this_release() -> None:
    assert refusal("--streaming").startswith("--streaming is not in this release")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--runner=PortableRunner"], "--job_endpoint=HOST:PORT"),
        (["--runner=PrismRunner"], "--prism_location=PATH"),
        (["--runner=PrismRunner", "--prism_location=/no/such"], "there is no file '/no/such'"),
        (["--runner=FlinkRunner", "--job_server_java_launcher=no-such-java"], "there is no 'no-such-java' here"),
        (["--runner=Drect"], "the nearest is DirectRunner"),
        (["--runner=SparkRunner"], "takes DirectRunner, PrismRunner, FlinkRunner, PortableRunner or DataflowRunner"),
    ],
)
def test_each_runner_says_what_it_needs(arguments: list[str], part: str) -> None:
    assert part in refusal(*arguments)


def test_dataflow_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_is_installed", lambda name: False)
    assert "pip install 'beamwire[gcp]'" in refusal("--runner=DataflowRunner")
    monkeypatch.setattr(module, "_is_installed", lambda name: True)
    assert refusal("--runner=DataflowRunner", "--region=r").endswith("needs --project and --temp_location")
    complete = ["--runner=dataflow", "--project=p", "--region=r"]
    assert "gs://BUCKET/PATH" in refusal(*complete, "--temp_location=/tmp")
    assert settled(*complete, "--temp_location=gs://b/t") == (False, "DataflowRunner")


def test_other_runners_are_passed_on_by_name() -> None:
    options = parse_beam_options(["--runner=portablerunner", "--job_endpoint=localhost:1"])
    assert (is_local(options), make_runner(options)) == (False, "PortableRunner")


def test_options_of_beam_are_parted_from_ours_with_their_values() -> None:
    line = "in --runner direct --output out --no_auth in2 --direct_num_workers 2 in3 --typo=1 -- --literal"
    assert split_arguments(line.split(), OWN) == (
        ["--runner=direct", "--no_auth", "--direct_num_workers=2", "--typo=1"],
        ["in", "--output", "out", "in2", "in3", "--", "--literal"],
    )


def test_every_option_of_beam_is_known() -> None:
    known = module._actions(module._beam_parser())
    assert len(known) > 150
    assert {"--runner", "--direct_num_workers", "--job_endpoint", "--flink_master", "--temp_location"} <= known.keys()
    classes = PipelineOptions.__subclasses__()
    assert all("_add_argparse_args" in vars(it) for it in classes if it.__module__.startswith("apache_beam."))


def run_python(code: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)), **settings)
    program = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_importing_beam_says_nothing_and_real_warnings_are_still_seen() -> None:
    done = run_python(
        """
        from pipeline.quiet import quiet_beam
        quiet_beam()
        import logging
        import pipeline.options
        pipeline.options.parse_beam_options([])
        logging.getLogger("apache_beam.x").warning("seen")
        logging.getLogger("apache_beam.x").info("not seen")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "seen\n")
