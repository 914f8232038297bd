"""The reference, the schema for editors and the configs say what the code does."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipeline.config import Config
from pipeline.config_file import load_config, setting_names
from pipeline.dataset.tables import TABLES
from pipeline.dataset.views import STORY_COLUMNS, VIEW_DESCRIPTIONS
from tests.datasets import ROOT, beamwire
from tests.reference import ENVIRONMENT, REFERENCE, SCHEMA, reasons, reference, schema, settings_of
from transforms.text.errors import BadInput

CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
EXAMPLE = ROOT / "configs" / "example.yaml"
SETTING = re.compile(r"\A *#[a-z_]+:")
"""A setting that is commented out; a comment in words has a blank after the mark."""


def uncommented(text: str) -> str:
    """The example with every setting that is commented out."""
    return "".join(line.replace("#", "", 1) if SETTING.match(line) else line for line in text.splitlines(keepends=True))


def leaves(settings: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Every setting of a mapping by its dotted name."""
    if isinstance(settings, dict) and name != "source.fields":
        for key, value in settings.items():
            yield from leaves(value, f"{name}.{key}" if name else key)
    else:
        yield name, settings


def test_the_reference_is_what_the_code_gives() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "run: python -m tests.reference"


def test_the_schema_for_editors_is_what_the_config_gives() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema(), "run: python -m tests.reference"


def test_the_schema_for_editors_is_what_the_command_prints() -> None:
    assert beamwire("schema", "config").stdout == schema()


@pytest.mark.parametrize(("name", "description"), [(name, it.description) for name, it in settings_of(Config)])
def test_every_setting_has_a_description(name: str, description: str | None) -> None:
    assert description and description.endswith("."), name


@pytest.mark.parametrize("name", setting_names())
def test_the_reference_names_every_setting(name: str) -> None:
    assert f"| `{name}` |" in reference()


@pytest.mark.parametrize("table", VIEW_DESCRIPTIONS)
def test_the_reference_names_every_table_and_column(table: str) -> None:
    columns = STORY_COLUMNS if table == "stories" else TABLES[table].names if table in TABLES else ("kind",)
    tables = reference().partition("\n## Tables\n")[2].partition("\n## ")[0]
    sections = [part for part in tables.split("\n### ") if f"`{table}`" in part.partition("\n")[0]]
    assert len(sections) == 1
    assert [column for column in columns if f"| `{column}` |" not in sections[0]] == []


def test_every_reason_of_a_dead_letter_has_a_word_of_its_own_and_a_meaning() -> None:
    found = reasons()
    assert len(found) == len(BadInput.__subclasses__())
    assert BadInput.reason not in found
    assert all(found.values())


def test_no_reason_hides_below_another() -> None:
    assert [it for parent in BadInput.__subclasses__() for it in parent.__subclasses__()] == []


def test_the_reference_names_every_environment_variable_that_the_code_reads() -> None:
    assert {name for path in sorted((ROOT / "pipeline").rglob("*.py")) for name in variables(path)} == set(ENVIRONMENT)
    assert {name for path in sorted((ROOT / "transforms").rglob("*.py")) for name in variables(path)} == set()


def variables(path: Path) -> Iterator[str]:
    """The names by which a module looks into os.environ."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and "environ" in ast.unparse(node.func) and node.args:
            name = node.args[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "os.getenv":
            name = node.args[0]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            name = node.slice
        else:
            continue
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.value


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_loads_and_names_its_schema(path: Path) -> None:
    config = load_config(str(path), (), {})
    assert config.output is not None and config.source.paths
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=schema.json"


def test_the_config_of_the_seeds_names_inputs_that_exist() -> None:
    config = load_config(str(ROOT / "configs" / "seeds.yaml"), (), {})
    assert config.output == "build/seeds"
    assert [path for path in config.source.paths if not (ROOT / path).exists()] == []


def test_the_example_holds_every_setting_once() -> None:
    names = [name for name, _ in leaves(yaml.safe_load(uncommented(EXAMPLE.read_text(encoding="utf-8"))))]
    assert sorted(names) == sorted(setting_names())


def test_what_the_example_leaves_commented_out_is_the_default_and_the_rest_is_not() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    defaults = dict(leaves(Config().model_dump(mode="json")))
    set_here = dict(leaves(json.loads(json.dumps(yaml.safe_load(text), default=str))))
    everything = dict(leaves(json.loads(json.dumps(yaml.safe_load(uncommented(text)), default=str))))
    same = {name for name, value in everything.items() if defaults[name] == value}
    assert same == everything.keys() - set_here.keys()


def test_the_example_loads_with_everything_in_it(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(uncommented(EXAMPLE.read_text(encoding="utf-8")), encoding="utf-8")
    assert load_config(str(path), (), {}) == load_config(str(EXAMPLE), (), {})
