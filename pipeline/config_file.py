"""How the config of a run is put together: a YAML file, then `--set key=value`, then what the command line names.

Every mistake is one sentence that names the place (file and line, or the flag), the cause and the nearest known name.
"""

import copy
import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pipeline.config import Config


class ConfigError(ValueError):
    """The config cannot be used; the message says where and why."""


class _Loader(yaml.SafeLoader):
    """YAML in which a date stays text, for the setting it belongs to to read or refuse."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if not tag.endswith(":timestamp")]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_config(
    file: str | None, assignments: Sequence[str], overrides: Mapping[str, Any], base: Mapping[str, Any] | None = None
) -> Config:
    """The config of a run. `overrides` are dotted keys that the command line names; None is not named.

    Without a file the settings of `base` take its place. Raises ConfigError.
    """
    settings: dict[str, Any] = copy.deepcopy(dict(base or {}))
    lines: dict[tuple[str, ...], int] = {}
    if file is not None:
        settings, lines = _read(file)
    places: dict[tuple[str, ...], str] = {path: f"{file}:{line}" for path, line in lines.items()}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise ConfigError(f"--set {assignment}: not of the form key=value, as in --set enrich.enabled=false")
        try:
            value = yaml.load(text, Loader=_Loader) if text else ""
        except (yaml.YAMLError, ValueError):
            raise ConfigError(f"--set {assignment}: the value is not valid YAML; put quotes around it") from None
        _assign(settings, tuple(key.split(".")), value, places, f"--set {assignment}")
    for key, value in overrides.items():
        if value is not None:
            _assign(settings, tuple(key.split(".")), value, places, f"--{key.rpartition('.')[2]}")
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(dict(one), places, file) for one in error.errors())) from None


def setting_names(model: type[BaseModel] = Config, prefix: str = "") -> list[str]:
    """Every setting by its dotted name, sections left out."""
    names = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += setting_names(field.annotation, f"{prefix}{name}.")
        else:
            names.append(prefix + name)
    return names


def _read(file: str) -> tuple[dict[str, Any], dict[tuple[str, ...], int]]:
    try:
        text = Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ConfigError(f"{file}: cannot be read: {reason}") from None
    try:
        node = yaml.compose(text, Loader=_Loader)
        settings = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{file}:{line}: not valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{file}: not valid YAML: {error}") from None
    if settings is None:
        return {}, {}
    if not isinstance(settings, dict):
        raise ConfigError(f"{file}:1: a config is a mapping of settings, as in `output: news`")
    lines: dict[tuple[str, ...], int] = {}
    _note_lines(node, (), lines, file)
    return settings, lines


def _note_lines(node: yaml.Node | None, path: tuple[str, ...], lines: dict[tuple[str, ...], int], file: str) -> None:
    """The line of each setting; a key that stands twice is refused, which YAML would let pass."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*path, str(key.value))
            if place in lines:
                raise ConfigError(
                    f"{file}:{key.start_mark.line + 1}: {'.'.join(place)} is set twice, first in line {lines[place]}"
                )
            lines[place] = key.start_mark.line + 1
            _note_lines(value, place, lines, file)


def _assign(
    settings: dict[str, Any], path: tuple[str, ...], value: Any, places: dict[tuple[str, ...], str], origin: str
) -> None:
    part = settings
    for name in path[:-1]:
        inner = part.get(name)
        if not isinstance(inner, dict):
            inner = part[name] = {}
        part = inner
    part[path[-1]] = value
    for length in range(1, len(path) + 1):
        places[path[:length]] = origin


def _explain(error: dict[str, Any], places: Mapping[tuple[str, ...], str], file: str | None) -> str:
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    known = [path[:length] for length in range(len(path), 0, -1) if path[:length] in places]
    where = places[known[0]] if known else (file or "the config")
    name = ".".join(path)
    if error["type"] == "extra_forbidden":
        return f"{where}: there is no setting {name}{_nearest(name)}"
    if error["type"] == "literal_error" and "fields" in path:
        return f"{where}: {path[-1]} is no field of an article; known are {error['ctx']['expected']}"
    return f"{where}: {name} {_expected(error)}, not {_as_yaml(error['input'])}"


_KINDS = {
    "bool": "takes true or false",
    "int": "takes a whole number",
    "float": "takes a number",
    "finite": "takes a number",
    "string": "takes text",
    "date": "takes a date, as in 1980-12-31",
    "tuple": "takes a list, as in [a, b]",
    "dict": "takes a mapping, as in {title: headline}",
    "model": "is a section and takes a mapping of its settings",
}
"""What a setting takes, by how pydantic's name of the error begins."""

_LIMITS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than_equal": ("le", "at most"),
}
_SHOWN_CHARS = 80


def _expected(error: Mapping[str, Any]) -> str:
    kind = str(error["type"])
    if kind in _LIMITS:
        key, words = _LIMITS[kind]
        return f"takes {words} {error['ctx'][key]:g}"
    if kind == "literal_error":
        return f"takes {error['ctx']['expected']}"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    for beginning, what in _KINDS.items():
        if kind.startswith(f"{beginning}_"):
            return what
    return f"cannot be used: {error['msg']}"


def _as_yaml(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…"


def _nearest(name: str) -> str:
    names = setting_names()
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if not close:
        last = name.rpartition(".")[2]
        close = [one for one in names if one.rpartition(".")[2] == last]
        leaves = {one.rpartition(".")[2]: one for one in names}
        close = close or [leaves[it] for it in difflib.get_close_matches(last, leaves, n=1, cutoff=0.6)]
    return f"; did you mean {close[0]}?" if close else "; `beamwire schema config` lists them all"
