"""Beam's options: what is accepted, what is refused and how, and that the private parts of Beam still behave."""

import os
import signal
import subprocess
import sys
import textwrap

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.worker_handlers import ControlFuture, WorkerHandler

from pipeline import options as module
from pipeline.options import OptionError, make_runner, parse_beam_options, runner_kind, split_arguments
from pipeline.workers import WorkerProcessRunner

OWN = ("--output", "--set", "--dry-run", "--quiet")


def refusal(*arguments: str) -> str:
    with pytest.raises(OptionError) as caught:
        parse_beam_options(arguments, OWN)
    message = str(caught.value)
    assert "\n" not in message
    return message


def settled(*arguments: str) -> tuple[str, str, int]:
    options = parse_beam_options(arguments, OWN)
    direct = options.view_as(DirectOptions)
    return runner_kind(options), options.view_as(StandardOptions).runner, direct.direct_num_workers


def test_without_options_a_run_is_local_and_in_this_process() -> None:
    assert settled() == ("in_process", "DirectRunner", 1)
    assert type(make_runner(parse_beam_options([]))) is FnApiRunner


@pytest.mark.parametrize(
    "name",
    ["DirectRunner", "directrunner", "direct", "FnApiRunner", "apache_beam.runners.direct.direct_runner.DirectRunner"],
)
def test_direct_runner_in_any_spelling_is_the_runner_that_never_downloads(name: str) -> None:
    assert type(make_runner(parse_beam_options([f"--runner={name}"]))) is FnApiRunner


def test_several_workers_are_processes() -> None:
    assert settled("--direct_num_workers=2") == ("workers", "DirectRunner", 2)
    assert settled("--direct_num_workers", "2", "--direct_running_mode", "multi_processing")[0] == "workers"
    assert isinstance(make_runner(parse_beam_options(["--direct_num_workers=2"])), WorkerProcessRunner)


def test_no_number_of_workers_is_one_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert settled("--direct_num_workers=0") == ("workers", "DirectRunner", 3)


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
    assert settled(*complete, "--temp_location=gs://b/t") == ("remote", "DataflowRunner", 1)


def test_other_runners_are_passed_on_by_name() -> None:
    options = parse_beam_options(["--runner=portablerunner", "--job_endpoint=localhost:1"])
    assert (runner_kind(options), make_runner(options)) == ("remote", "PortableRunner")


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


def test_the_parts_of_beam_that_a_dead_worker_is_reported_through_are_still_there() -> None:
    assert callable(WorkerHandler.register_environment)
    assert "beamwire:env:worker_process:v1" in WorkerHandler._registered_environments
    assert not ControlFuture("name").is_done()


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


def kill_the_worker(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def process_of(number: int) -> tuple[int, int]:
    return number, os.getpid()


def test_workers_are_processes_that_import_our_modules_and_keep_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    options = parse_beam_options(["--direct_num_workers=2"])
    with beam.Pipeline(runner=make_runner(options), options=options) as pipeline:
        numbers = pipeline | "Numbers" >> beam.Create(range(40), reshuffle=True)
        processes = numbers | "Process" >> beam.Map(process_of)
        _ = processes | "Check" >> beam.combiners.ToList() | "Assert" >> beam.Map(assert_two_processes, os.getpid())
    assert capfd.readouterr() == ("", "")


def assert_two_processes(pairs: list[tuple[int, int]], launcher: int) -> None:
    processes = {process for _, process in pairs}
    assert sorted(number for number, _ in pairs) == list(range(40))
    assert launcher not in processes
    assert len(processes) == 2


def test_a_worker_that_is_killed_fails_the_run_instead_of_hanging_it(capfd: pytest.CaptureFixture[str]) -> None:
    options = parse_beam_options(["--direct_num_workers=2"])
    pipeline = beam.Pipeline(runner=make_runner(options), options=options)
    _ = pipeline | beam.Create([1, 2]) | "Kill" >> beam.Map(kill_the_worker)
    with pytest.raises(RuntimeError, match="a worker process was killed: most likely memory ran out"):
        pipeline.run()
    assert capfd.readouterr() == ("", "")
