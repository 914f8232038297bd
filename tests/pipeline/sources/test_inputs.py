import os
from pathlib import Path

import pytest

from pipeline.dataset.storage import Listed, Storage
from pipeline.sources.inputs import Input, InputError, find_inputs


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def names(*paths: Path | str) -> list[str]:
    return [one.name for one in find_inputs([str(path) for path in paths]).files]


def test_a_file_is_named_by_its_base_name(tmp_path: Path) -> None:
    make(tmp_path, "a/b.txt")
    assert find_inputs([str(tmp_path / "a/b.txt")]).files == [Input("b.txt", str(tmp_path / "a/b.txt"), 7)]


def test_a_directory_gives_all_files_below_it_by_name(tmp_path: Path) -> None:
    make(tmp_path, "b.txt", "a/z.txt", "a/b/c.txt", "a-b.txt", "é.txt", "Z.txt")
    assert names(tmp_path) == ["Z.txt", "a-b.txt", "a/b/c.txt", "a/z.txt", "b.txt", "é.txt"]
    assert names(f"{tmp_path}/") == names(tmp_path)


def test_paths_come_in_the_order_given(tmp_path: Path) -> None:
    make(tmp_path, "a/1.txt", "b/1.txt", "c.txt")
    found = find_inputs([str(tmp_path / name) for name in ("c.txt", "b", "a")]).files
    assert [one.path for one in found] == [str(tmp_path / name) for name in ("c.txt", "b/1.txt", "a/1.txt")]


def test_hidden_names_are_left_out_and_counted(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", ".hidden", "_SUCCESS", "_temporary/b.txt", ".git/config", ".git/HEAD")
    found = find_inputs([str(tmp_path)])
    assert ([one.name for one in found.files], found.left_out) == (["a.txt"], 5)


def test_of_a_pattern_only_what_it_would_match_counts_as_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "b.csv", ".c.txt", "_d.csv", ".git/e.txt", "x/.f/g.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    counts = [find_inputs([f"{tmp_path}/{pattern}"]).left_out for pattern in ("*.txt", "**/*.txt", "*", "[.a]*")]
    assert counts == [2, 4, 3, 1]


def test_names_that_differ_stay_different(tmp_path: Path) -> None:
    for name in (b"\xff", b"\xfe", b"\xef\xbf\xbd"):
        with open(os.fsencode(tmp_path) + b"/" + name, "wb"):
            pass
    assert names(tmp_path) == ["\\xfe", "\\xff", "\ufffd"]


def test_a_hidden_name_that_the_path_spells_is_read(tmp_path: Path) -> None:
    make(tmp_path, "_landing/a.txt", ".b.txt", "_c.txt")
    assert names(tmp_path / "_landing", tmp_path / ".b.txt", f"{tmp_path}/_landing/*", f"{tmp_path}/_*.txt") == [
        "a.txt",
        ".b.txt",
        "_c.txt",
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", ["a.txt", "b.jsonl"]),
        ("*.txt", ["a.txt"]),
        ("?.jsonl", ["b.jsonl"]),
        ("[!a].*", ["b.jsonl"]),
        ("[ab].*", ["a.txt", "b.jsonl"]),
        ("[!x-z].txt", ["a.txt"]),
        ("*/*.txt", ["x/c.txt", "y/c.txt"]),
        ("**", ["a.txt", "b.jsonl", "x/c.txt", "x/deep/d.txt", "y/c.txt"]),
        ("**/*.txt", ["a.txt", "x/c.txt", "x/deep/d.txt", "y/c.txt"]),
        ("x/**/*.txt", ["c.txt", "deep/d.txt"]),
        ("?/**", ["x/c.txt", "x/deep/d.txt", "y/c.txt"]),
        ("*/.h*/*", ["x/.hidden/e.txt"]),
    ],
)
def test_a_glob_names_files_below_its_fixed_folder(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    make(tmp_path, "a.txt", "b.jsonl", "x/c.txt", "x/deep/d.txt", "y/c.txt", ".f.txt", "_g.txt", "x/.hidden/e.txt")
    assert names(f"{tmp_path}/{pattern}") == expected


def test_a_name_with_brackets_that_exists_is_a_name(tmp_path: Path) -> None:
    make(tmp_path, "a[1].txt", "a1.txt")
    assert names(tmp_path / "a[1].txt") == ["a[1].txt"]


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    make(tmp_path, "in/a.txt", "out/b.txt")
    os.symlink(tmp_path / "out/b.txt", tmp_path / "in/linked.txt")
    os.symlink(tmp_path / "out", tmp_path / "in/folder")
    os.symlink(tmp_path / "in", tmp_path / "in/loop")
    os.symlink(tmp_path / "in/round", tmp_path / "in/round")
    found = find_inputs([str(tmp_path / "in")])
    assert [one.name for one in found.files] == ["a.txt", "linked.txt", "round"]
    assert found.left_out == 2


def test_a_path_that_is_a_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    make(tmp_path, "real/a.txt")
    os.symlink(tmp_path / "real", tmp_path / "link")
    assert names(tmp_path / "link") == ["a.txt"]


def test_the_same_file_twice_is_listed_once(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")
    assert names(tmp_path / "a.txt", tmp_path, f"{tmp_path}/*") == ["a.txt"]


def test_a_name_that_is_no_unicode_can_be_opened_and_written(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(raw, "wb") as file:
        file.write(b"x")
    (one,) = find_inputs([str(tmp_path)]).files
    assert one.name == "caf\\xe9.txt"
    with open(one.path, "rb") as file:
        assert file.read() == b"x"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("missing", "{}: there is no such file or directory. Check the spelling."),
        ("a.txt/b", "{}: there is no such file or directory. Check the spelling."),
        ("empty", "{}: no file in this directory. Check the path, or name the files."),
        (
            "hidden",
            "{}: no file in this directory (1 is left out: hidden names, links to folders, pipes). "
            "Check the path, or name the files.",
        ),
        ("*.csv", "{}: the pattern matches no file. Check it, or use ** for folders of any depth."),
        ("emp*", "{}: the pattern matches no file. Check it, or use ** for folders of any depth."),
        ("[z-a].txt", "{}: the pattern cannot be understood (bad character range z-a). Correct it."),
        ("pipe", "{}: is a device or a pipe, not a file. Save its content into a file first."),
        ("dangling", "{}: this link leads nowhere. Repair it, or name the file itself."),
    ],
)
def test_a_path_that_names_no_input_says_why_and_what_to_do(tmp_path: Path, path: str, message: str) -> None:
    make(tmp_path, "a.txt", "hidden/.x")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    os.symlink(tmp_path / "nothing", tmp_path / "dangling")
    with pytest.raises(InputError) as failure:
        find_inputs([f"{tmp_path}/{path}"])
    assert str(failure.value) == message.format(f"{tmp_path}/{path}")


@pytest.mark.parametrize("path", ["", "s3://bucket/a", "gs://", "gs:///a", "gs://buck*/a"])
def test_places_that_are_none_are_refused(path: str) -> None:
    with pytest.raises(InputError):
        find_inputs([path])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    make(tmp_path, "closed/a.txt")
    (tmp_path / "closed").chmod(0)
    try:
        with pytest.raises(InputError, match="no permission to list this directory"):
            find_inputs([str(tmp_path / "closed")])
    finally:
        (tmp_path / "closed").chmod(0o700)


class Bucket(Storage):
    """The listing of an object store."""

    def __init__(self, location: str, sizes: dict[str, int]) -> None:
        self.prefix = location.removesuffix("/") + "/"
        self.sizes = sizes

    def files(self, folder: str = ""):  # type: ignore[no-untyped-def]
        for name, size in sorted(self.sizes.items()):
            if name.startswith(self.prefix):
                yield Listed(name.removeprefix(self.prefix), size)

    def size(self, name: str) -> int | None:
        return self.sizes.get(self.prefix + name)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("gs://b/in/a.txt", [Input("a.txt", "gs://b/in/a.txt", 1)]),
        ("gs://b/in", [Input("a.txt", "gs://b/in/a.txt", 1), Input("x/c.txt", "gs://b/in/x/c.txt", 2)]),
        ("gs://b/in/", [Input("a.txt", "gs://b/in/a.txt", 1), Input("x/c.txt", "gs://b/in/x/c.txt", 2)]),
        ("gs://b/*/*.txt", [Input("in/a.txt", "gs://b/in/a.txt", 1)]),
        ("gs://b/in/**/c.*", [Input("x/c.txt", "gs://b/in/x/c.txt", 2)]),
        ("gs://b", [Input("in/a.txt", "gs://b/in/a.txt", 1), Input("in/x/c.txt", "gs://b/in/x/c.txt", 2)]),
    ],
)
def test_gs_means_the_same(path: str, expected: list[Input]) -> None:
    sizes = {"gs://b/in/a.txt": 1, "gs://b/in/x/c.txt": 2, "gs://b/in/_SUCCESS": 0}
    assert find_inputs([path], lambda location: Bucket(location, sizes)).files == expected


def test_an_empty_place_at_gs_is_refused() -> None:
    with pytest.raises(InputError, match="gs://b/none: no file in this directory"):
        find_inputs(["gs://b/none"], lambda location: Bucket(location, {}))
