"""What the tree promises: who may import whom, and a docstring for every public name."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("pipeline", "transforms")
    for path in sorted((ROOT / package).rglob("*.py"))
}

MAY_IMPORT = {
    "pipeline.cli": ("pipeline",),
    "pipeline.quiet": (),
    "pipeline.config": ("pipeline.dataset.layout",),
    "pipeline.config_file": ("pipeline.config",),
    "pipeline.options": (),
    "pipeline.processes": ("pipeline.quiet",),
    "pipeline.tally": (),
    "pipeline.meter": (),
    "pipeline.forecast": ("pipeline.tally",),
    "pipeline.progress": ("pipeline.forecast", "pipeline.report", "pipeline.tally"),
    "pipeline.report": ("pipeline.dataset.errors", "pipeline.meter"),
    "pipeline.log": ("pipeline.dataset", "pipeline.report", "pipeline.sinks.runs"),
    "pipeline.plan": (
        "pipeline.config",
        "pipeline.dataset",
        "pipeline.flow",
        "pipeline.report",
        "pipeline.sources",
        "transforms.enrich",
        "transforms.schemas",
        "transforms.text.errors",
        "transforms.text.fingerprints",
    ),
    "pipeline.replay": (
        "pipeline.config",
        "pipeline.dataset",
        "pipeline.plan",
        "pipeline.report",
        "pipeline.sources.letters",
        "transforms.enrich",
        "transforms.schemas",
        "transforms.text.errors",
    ),
    "pipeline.launch": (
        "pipeline.config",
        "pipeline.dataset",
        "pipeline.flow",
        "pipeline.options",
        "pipeline.forecast",
        "pipeline.meter",
        "pipeline.plan",
        "pipeline.progress",
        "pipeline.replay",
        "pipeline.tally",
        "pipeline.report",
        "pipeline.meter",
        "pipeline.processes",
        "pipeline.shards",
        "pipeline.sinks.runs",
        "pipeline.sources",
        "transforms.enrich",
        "transforms.schemas",
    ),
    "pipeline.compact": (
        "pipeline.config",
        "pipeline.config_file",
        "pipeline.dataset",
        "pipeline.sinks.merge",
        "transforms.schemas",
    ),
    "pipeline.flow": ("pipeline.config", "pipeline.dataset", "pipeline.sinks", "pipeline.sources", "transforms"),
    "pipeline.shards": (
        "pipeline.config",
        "pipeline.dataset.batch",
        "pipeline.flow",
        "pipeline.meter",
        "pipeline.processes",
        "pipeline.sinks",
        "transforms.enrich",
        "transforms.schemas",
    ),
    "pipeline.sources": (
        "pipeline.sources",
        "pipeline.dataset",
        "transforms.dead_letters",
        "transforms.schemas",
        "transforms.text",
    ),
    "pipeline.sinks": (
        "pipeline.sinks",
        "pipeline.dataset",
        "pipeline.meter",
        "transforms.blocks",
        "transforms.schemas",
        "transforms.text.errors",
    ),
    "pipeline.dataset": ("pipeline.dataset", "transforms.schemas"),
    "pipeline.dataset.index": ("pipeline.dataset", "transforms.schemas", "transforms.text.columns"),
    "pipeline.dataset.entries": ("pipeline.dataset.tables", "transforms.text"),
    "pipeline.dataset.rebuild": ("pipeline.dataset", "transforms.schemas", "transforms.text"),
    "transforms.schemas": (),
    "transforms.dead_letters": ("transforms.schemas", "transforms.text"),
    "transforms.apart": ("transforms.text.errors",),
    "transforms.blocks": ("transforms.schemas", "transforms.text.fingerprints"),
    "transforms.parse": ("transforms.dead_letters", "transforms.schemas", "transforms.text"),
    "transforms.normalize": ("transforms.dead_letters", "transforms.schemas", "transforms.text"),
    "transforms.stage": ("transforms.blocks", "transforms.schemas"),
    "transforms.dedupe": ("transforms.blocks", "transforms.schemas", "transforms.text"),
    "transforms.enrich": ("transforms.blocks", "transforms.dead_letters", "transforms.schemas", "transforms.text"),
    "transforms.text": ("transforms.schemas", "transforms.text"),
}
"""Which of our modules each may import; the longest matching prefix counts. `pipeline` alone is the version."""

ONLY_IN = {
    "google.cloud": ("pipeline.dataset.gcs",),
    "google.api_core": ("pipeline.dataset.gcs",),
    "google.auth": ("pipeline.dataset.gcs",),
    "duckdb": ("pipeline.dataset.views", "pipeline.dataset.query"),
    "spacy": ("transforms.enrich",),
    "thinc": ("transforms.enrich",),
    "feedparser": ("transforms.text.feed_tolerant",),
    "fastfeedparser": (),
    "ftfy": ("transforms.text.mojibake",),
    "trafilatura": ("transforms.text.pages",),
    "publicsuffixlist": ("transforms.text.hosts",),
    "nh3": ("transforms.text.safe_html",),
    "py3langid": ("transforms.text.language_detection",),
    "htmldate": ("transforms.text.page_dates",),
    "fastwarc": ("pipeline.sources",),
    "requests": (),
    "urllib.request": (),
    "http.client": (),
}
"""Libraries that have one home: network and cloud clients, parsers, models."""


def imports(name: str) -> Iterator[str]:
    """What a module imports, by full name; `from a import b` gives a.b."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, prefix: str) -> bool:
    """Whether a name is the prefix or below it."""
    return name == prefix or name.startswith(prefix + ".")


@pytest.mark.parametrize("name", [name for name in MODULES if name not in ("pipeline", "transforms")])
def test_a_module_imports_only_what_the_table_lets_it(name: str) -> None:
    rule = max((prefix for prefix in MAY_IMPORT if within(name, prefix)), key=len)
    ours = {it for it in imports(name) if within(it, "pipeline") or within(it, "transforms")}
    ours.discard("pipeline.__version__")
    refused = {it for it in ours if not any(within(it, allowed) for allowed in MAY_IMPORT[rule])}
    assert refused == set()


@pytest.mark.parametrize("name", list(MODULES))
def test_a_library_is_imported_at_its_home_only(name: str) -> None:
    homes = {
        library: allowed for library, allowed in ONLY_IN.items() if any(within(it, library) for it in imports(name))
    }
    assert {library for library, allowed in homes.items() if not any(within(name, home) for home in allowed)} == set()


@pytest.mark.parametrize("name", [name for name in MODULES if within(name, "transforms.text")])
def test_pure_text_functions_know_no_beam_no_clock_and_no_network(name: str) -> None:
    refused = ("apache_beam", "time", "socket", "random", "secrets", "uuid")
    assert [it for it in imports(name) if any(within(it, module) for module in refused)] == []


def test_the_records_import_the_standard_library_only() -> None:
    assert sorted({it.split(".")[0] for it in imports("transforms.schemas")}) == [
        "collections",
        "dataclasses",
        "typing",
    ]


def test_every_rule_of_the_table_is_about_a_module_that_exists() -> None:
    assert [prefix for prefix in MAY_IMPORT if not any(within(name, prefix) for name in MODULES)] == []


@pytest.mark.parametrize("name", list(MODULES))
def test_every_public_name_has_a_docstring(name: str) -> None:
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), name
    kinds = (ast.FunctionDef, ast.ClassDef)
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    methods = [
        node
        for owner in public
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    ]
    assert [node.name for node in (*public, *methods) if ast.get_docstring(node) is None] == []


@pytest.mark.parametrize("name", [name for name in MODULES if MODULES[name].name == "__init__.py"])
def test_an_init_module_is_a_docstring(name: str) -> None:
    body = ast.parse(MODULES[name].read_text(encoding="utf-8")).body[1:]
    assert [ast.unparse(node) for node in body] in ([], ["__version__ = '0.2.0'"])
