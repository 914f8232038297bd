"""Beam's options on our command line: every one is accepted, and all are checked before anything runs.

Beam itself ignores an option that it does not know and answers a bad value with a page of usage. Here either is one
sentence. `--runner=DirectRunner`, the default, is Beam's FnApiRunner, which never touches the network.

    beams, ours = split_arguments(arguments, own_flags)      # before our own parser sees the command line
    options = parse_beam_options(beams, own_flags)
    beam.Pipeline(runner=make_runner(options), options=options)
"""

import argparse
import difflib
import importlib.util
import os
import re
import shutil
from collections.abc import Collection, Sequence
from typing import NoReturn

from apache_beam.options.pipeline_options import (
    DebugOptions,
    DirectOptions,
    FlinkRunnerOptions,
    GoogleCloudOptions,
    JobServerOptions,
    PipelineOptions,
    PortableOptions,
    PrismRunnerOptions,
    StandardOptions,
    TestOptions,
    _BeamArgumentParser,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner

RUNNERS = ("DirectRunner", "PrismRunner", "FlinkRunner", "PortableRunner", "DataflowRunner")
"""The values of `--runner`, in any letter case."""

WORTH_A_PROCESS = 16 << 20
"""Bytes of input, about 2 seconds of work: with less a second process would spend on its pipelines what it saves."""

ENRICHED_WEIGHT = 8
"""Bytes that a byte counts as where entities are looked for. They take fifty times as long as all the rest, but memory
for a model in each process."""


class OptionError(ValueError):
    """An option of Beam that cannot be used. The message is a sentence for the user."""


def split_arguments(arguments: Sequence[str], own_flags: Collection[str]) -> tuple[list[str], list[str]]:
    """Parts a command line into Beam's options and the rest, which is for our own parser.

    Every `--flag` that is not ours counts as Beam's, known or not, each in one argument with its value:
    `--direct_num_workers 2` becomes `--direct_num_workers=2`, so that the 2 is not taken for a PATH.
    """
    known = _actions(_beam_parser())
    beams: list[str] = []
    ours: list[str] = []
    i = 0
    while i < len(arguments):
        argument = arguments[i]
        i += 1
        if argument == "--":
            ours += arguments[i - 1 :]
            break
        flag, equals, _ = argument.partition("=")
        if not flag.startswith("--") or flag in own_flags:
            ours.append(argument)
            continue
        action = known.get(flag)
        if action and not equals and action.nargs != 0 and i < len(arguments) and _is_value(arguments[i]):
            argument = f"{flag}={arguments[i]}"
            i += 1
        beams.append(argument)
    return beams, ours


def parse_beam_options(arguments: Sequence[str], own_flags: Collection[str] = ()) -> PipelineOptions:
    """Reads and checks options of Beam; `own_flags` are ours, to be suggested where one was meant.

    The result names the runner as `RUNNERS` does, and the number and mode of local workers that will be used.
    Raises OptionError.
    """
    arguments, others = split_arguments(arguments, ())
    if others:
        raise OptionError(f"unexpected argument {others[0]!r}")
    parser = _beam_parser()
    known = _actions(parser)
    seen = argparse.Namespace()
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if flag not in known:
            raise OptionError(_unknown(flag, [*own_flags, *known]))
        if not equals and known[flag].nargs is None:
            own = flag.replace("_", "-")
            hint = f", or did you mean {own}?" if own in own_flags and own != flag else ""
            raise OptionError(f"{flag} needs a value: {flag}=…{hint}")
        _check_value(parser, seen, known[flag], flag, value if equals else None)
    options = PipelineOptions(list(arguments))
    _settle(options, {argument.partition("=")[0] for argument in arguments})
    return options


def make_runner(options: PipelineOptions) -> PipelineRunner | str:
    """What `beam.Pipeline(runner=…)` takes: a runner, or the name of one that Beam makes."""
    if not is_local(options):
        return str(options.view_as(StandardOptions).runner)
    options.view_as(DirectOptions).direct_num_workers = 1  # our processes are not Beam's to know of
    return FnApiRunner()


def is_local(options: PipelineOptions) -> bool:
    """Whether steps run on this machine, under our eyes."""
    return bool(options.view_as(StandardOptions).runner == "DirectRunner")


def worker_processes(options: PipelineOptions, weight: int) -> int:
    """How many processes a local run takes: as many as it was told to, else one a `WORTH_A_PROCESS` of input.

    `weight` is bytes of input. At most one a processor; one means this process, without workers.
    """
    told: int | None = options.view_as(DirectOptions).direct_num_workers
    return told if told else max(1, min(processors(), weight // WORTH_A_PROCESS))


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Parser(_BeamArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _beam_parser() -> argparse.ArgumentParser:
    """A parser that knows what Beam knows: subclasses declare options, and are collected as Beam collects them."""
    parser = _Parser(allow_abbrev=False, add_help=False, exit_on_error=False)
    for options_class in {str(it): it for it in PipelineOptions.__subclasses__()}.values():
        options_class._add_argparse_args(parser)
    return parser


def _actions(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    return {flag: action for action in parser._actions for flag in action.option_strings}


def _is_value(argument: str) -> bool:
    return not argument.startswith("-") or re.fullmatch(r"-\d+(\.\d+)?", argument) is not None


def _unknown(flag: str, candidates: Sequence[str]) -> str:
    near = difflib.get_close_matches(flag.lower(), candidates, n=1)
    if near:
        return f"unknown option {flag}; the nearest is {near[0]}"
    return f"unknown option {flag}: neither beamwire nor Apache Beam has one of a similar name"


def _check_value(
    parser: argparse.ArgumentParser, seen: argparse.Namespace, action: argparse.Action, flag: str, value: str | None
) -> None:
    if value is not None and action.nargs == 0:
        raise OptionError(f"{flag} takes no value; it was given {value!r}")
    if value is not None and action.choices is not None and value not in action.choices:
        raise OptionError(f"{flag} takes {_either(list(action.choices))}, not {value!r}")
    try:
        parser.parse_known_args([flag if value is None else f"{flag}={value}"], seen)
    except (argparse.ArgumentError, ValueError, TypeError, AttributeError, AssertionError) as error:
        expected = _expected(action, error)
        raise OptionError(f"{flag} takes {expected}, not {value!r}" if expected else f"{flag}: {error}") from error


def _expected(action: argparse.Action, error: Exception) -> str | None:
    if action.type is int:
        return "a whole number"
    if action.type is float:
        return "a number"
    if not isinstance(error, argparse.ArgumentError) or getattr(action.type, "__name__", "") in ("loads", "<lambda>"):
        return "a JSON object"  # what Beam reads as JSON, with a type or in an action of its own
    return None


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _settle(options: PipelineOptions, given: Collection[str]) -> None:
    """Checks what goes together, and sets what can be derived."""
    standard = options.view_as(StandardOptions)
    standard.runner = _runner_name(standard.runner)
    if standard.streaming:
        raise OptionError("--streaming is not in this release: it reads inputs that end. Leave it out")
    for experiment in options.view_as(DebugOptions).experiments or ():
        if experiment.startswith("data_buffer_time_limit_ms"):
            raise OptionError("--experiments=data_buffer_time_limit_ms loses data in Beam 2.77. Leave it out")
    if standard.runner != "DataflowRunner" and options.view_as(TestOptions).dry_run:
        raise OptionError("--dry_run is an option of DataflowRunner; to see the plan of a run write --dry-run")
    _REQUIREMENTS[standard.runner](options, given)
    if standard.runner != "DataflowRunner":  # whose checks call the cloud
        problems = PipelineOptionsValidator(options, None).validate()
        if problems:
            raise OptionError("; ".join(problems))


def _runner_name(asked: str | None) -> str:
    if asked is None:
        return "DirectRunner"
    name = (asked.rsplit(".", 1)[-1] if asked.startswith("apache_beam.") else asked).lower()
    names = {known.lower(): known for known in RUNNERS}
    names |= {known.lower().removesuffix("runner"): known for known in RUNNERS}
    names |= dict.fromkeys(("fnapirunner", "fnapi", "switchingdirectrunner"), "DirectRunner")
    if name in names:
        return names[name]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; the nearest is {names[near[0]]}" if near else ""
    raise OptionError(f"--runner takes {_either(RUNNERS)}, not {asked!r}{hint}")


def _settle_direct(options: PipelineOptions, given: Collection[str]) -> None:
    direct = options.view_as(DirectOptions)
    mode = direct.direct_running_mode if "--direct_running_mode" in given else None
    workers = direct.direct_num_workers if "--direct_num_workers" in given else None
    if mode == "multi_threading":
        raise OptionError(
            "--direct_running_mode=multi_threading loses and corrupts data in Beam 2.77 (its threads share a buffer). "
            "multi_processing gives real parallel workers"
        )
    if workers is not None and workers < 0:
        raise OptionError(f"--direct_num_workers takes 1 or more, or 0 for one a processor, not {workers}")
    if mode == "in_memory" and workers is not None and workers != 1:
        raise OptionError(
            f"--direct_running_mode=in_memory runs in one process, where {workers} workers would do the work of one. "
            "Leave out the mode, and they are processes"
        )
    if workers == 0 or (mode == "multi_processing" and workers is None):
        workers = processors()
    # What runs in a process of ours is in memory, to Beam. How many there are is ours to know: 0 is chosen by size.
    direct.direct_num_workers = 1 if mode == "in_memory" else workers or 0
    direct.direct_running_mode = "in_memory"


def _require_prism(options: PipelineOptions, given: Collection[str]) -> None:
    if options.view_as(PortableOptions).job_endpoint:
        return
    location = options.view_as(PrismRunnerOptions).prism_location
    if not location:
        raise OptionError(
            "--runner=PrismRunner needs --prism_location=PATH, a prism program of your Beam version: without it Beam "
            "downloads one, and waits for ever where the network does not answer"
        )
    _require_file("--prism_location", location)


def _require_flink(options: PipelineOptions, given: Collection[str]) -> None:
    if options.view_as(PortableOptions).job_endpoint:
        return
    java = options.view_as(JobServerOptions).job_server_java_launcher
    if shutil.which(java) is None:
        raise OptionError(
            f"--runner=FlinkRunner starts a job server in Java, and there is no {java!r} here. "
            "Install Java, or name a running job server with --job_endpoint=HOST:PORT"
        )
    jar = options.view_as(FlinkRunnerOptions).flink_job_server_jar
    if jar:
        _require_file("--flink_job_server_jar", jar)


def _require_endpoint(options: PipelineOptions, given: Collection[str]) -> None:
    if not options.view_as(PortableOptions).job_endpoint:
        raise OptionError("--runner=PortableRunner needs --job_endpoint=HOST:PORT, the job server to submit to")


def _require_dataflow(options: PipelineOptions, given: Collection[str]) -> None:
    if not _is_installed("google.cloud.dataflow"):
        raise OptionError("--runner=DataflowRunner needs the extra gcp: pip install 'beamwire[gcp]'")
    cloud = options.view_as(GoogleCloudOptions)
    missing = [name for name in ("project", "region", "temp_location") if not getattr(cloud, name)]
    if missing:
        raise OptionError(f"--runner=DataflowRunner needs {' and '.join(f'--{name}' for name in missing)}")
    if not cloud.temp_location.startswith("gs://"):
        raise OptionError(f"--temp_location takes gs://BUCKET/PATH, not {cloud.temp_location!r}")


_REQUIREMENTS = {
    "DirectRunner": _settle_direct,
    "PrismRunner": _require_prism,
    "FlinkRunner": _require_flink,
    "PortableRunner": _require_endpoint,
    "DataflowRunner": _require_dataflow,
}


def _require_file(flag: str, location: str) -> None:
    if "://" not in location and not os.path.isfile(location):
        raise OptionError(f"{flag}: there is no file {location!r}")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the packages around it
        return False
