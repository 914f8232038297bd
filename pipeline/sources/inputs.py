"""What a PATH means: a file, a directory, a glob, here or at gs://.

The order of what is found depends on names alone: PATHs as given, within each by name. Names with a leading . or _ are
left out and counted, unless the PATH itself spells them.
"""

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.dataset.storage import GCS_SCHEME
from pipeline.dataset.stores import open_storage
from pipeline.sources.opening import StorageAt, is_remote


class InputError(ValueError):
    """A PATH that names no input. The message is for the user: path, cause, remedy."""


@dataclass(frozen=True, slots=True)
class Input:
    """A file to read. `name` is relative to the PATH that named it, so it does not tell where the folder lies."""

    name: str
    path: str
    size: int


class Inputs(NamedTuple):
    """The files of all PATHs in order, and how many others were left out.

    Those are files with a hidden name or in a hidden folder, links to folders, pipes and devices; of a pattern, those
    that it would match.
    """

    files: list[Input]
    left_out: int


def find_inputs(paths: Sequence[str], storage_at: StorageAt = open_storage) -> Inputs:
    """The files that the PATHs mean.

    Raises InputError for a PATH that does not exist, may not be read, or holds no file; StorageError where a store
    refuses.
    """
    found: list[Input] = []
    left_out = 0
    for path in paths:
        place = _Remote(path, storage_at) if is_remote(path) else _Local(path)
        files, hidden = _files_of(place)
        found += files
        left_out += hidden
    return Inputs(list(dict.fromkeys(found)), left_out)


@dataclass(slots=True)
class _Listing:
    """What lies below a folder, and the names of what was left out of it."""

    files: list[Input] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def _files_of(place: "_Local | _Remote") -> tuple[list[Input], int]:
    single = place.file()
    if single is not None:
        return [single], 0
    if place.is_folder():
        listing = place.below(place.location, depth=None, hidden=False)
        if not listing.files:
            raise InputError(
                f"{place.path}: no file in this directory{_hidden_note(listing)}. Check the path, or name the files."
            )
        return _by_name(listing.files), len(listing.left_out)
    if _MAGIC.search(place.path) is None:
        raise InputError(f"{place.path}: there is no such file or directory. Check the spelling.")
    prefix, pattern = _split_glob(place.location)
    parts = pattern.split("/")
    # what a pattern does not spell is not searched either
    listing = place.below(
        prefix,
        depth=None if "**" in parts else len(parts),
        hidden=any(part.startswith((".", "_")) for part in parts),
    )
    try:
        matches = re.compile(_expression(parts, _SEEN)).fullmatch
        would_match = re.compile(_expression(parts, "")).fullmatch
    except re.error as error:
        raise InputError(f"{place.path}: the pattern cannot be understood ({error.msg}). Correct it.") from None
    files = [one for one in listing.files if matches(one.name)]
    if not files:
        raise InputError(f"{place.path}: the pattern matches no file. Check it, or use ** for folders of any depth.")
    others = [*listing.left_out, *(one.name for one in listing.files if not matches(one.name))]
    return _by_name(files), sum(would_match(name) is not None for name in others)


def _by_name(files: list[Input]) -> list[Input]:
    return sorted(files, key=lambda one: (one.name, one.path))


def _hidden_note(listing: _Listing) -> str:
    count = len(listing.left_out)
    verb = "is" if count == 1 else "are"
    return f" ({count:,} {verb} left out: hidden names, links to folders, pipes)" if count else ""


_MAGIC: Final = re.compile(r"[*?\[]")


def _split_glob(location: str) -> tuple[str, str]:
    """The folder before the first part with a wildcard, and the rest."""
    at = location.rfind("/", 0, _MAGIC.search(location).start())  # type: ignore[union-attr]
    return location[:at] or "/", location[at + 1 :]


def _expression(parts: Sequence[str], guard: str) -> str:
    """A regular expression for the parts of a pattern, whose wildcards match where the guard does."""
    expression = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            expression += rf"(?:{guard}[^/]+/)*" + (rf"{guard}[^/]+" if last else "")
            continue
        expression += (
            (guard if part[:1] in "*?[" else "")
            + "".join(_translated(piece) for piece in _PIECES.findall(part))
            + ("" if last else "/")
        )
    return expression


_SEEN: Final = r"(?![._])"
_PIECES: Final = re.compile(r"\[!?\]?[^\]]*\]|.", re.DOTALL)


def _translated(piece: str) -> str:
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if len(piece) > 1:
        negated = piece[1] == "!"
        if not piece[2 if negated else 1 : -1]:
            return re.escape(piece)
        members = re.sub(r"([\\\[\]&~|^])", r"\\\1", piece[2 if negated else 1 : -1])
        return f"(?!/)[{'^' if negated else ''}{members}]"
    return re.escape(piece)


class _Local:
    """A PATH on a local disk."""

    def __init__(self, path: str) -> None:
        if not path:
            raise InputError("An empty PATH was given. Name a file, a directory or a pattern.")
        scheme, mark, _ = path.partition("://")
        if mark and scheme.isalnum():
            raise InputError(f"{path}: {scheme}:// is not supported. Give a local path or {GCS_SCHEME}BUCKET/PATH.")
        self.path = path
        self.location = os.path.abspath(path if os.path.lexists(path) else os.path.expanduser(path))
        self._status = self._look()

    def _look(self) -> os.stat_result | None:
        try:
            return os.stat(self.location)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.islink(self.location):
                raise InputError(f"{self.path}: this link leads nowhere. Repair it, or name the file itself.") from None
            return None
        except PermissionError:
            raise InputError(f"{self.path}: no permission to look at it. Give yourself access.") from None
        except (OSError, ValueError) as error:
            raise InputError(f"{self.path}: cannot be looked at ({_cause(error)}). Check the path.") from None

    def file(self) -> Input | None:
        if self._status is None or stat.S_ISDIR(self._status.st_mode):
            return None
        if not stat.S_ISREG(self._status.st_mode):
            raise InputError(f"{self.path}: is a device or a pipe, not a file. Save its content into a file first.")
        if not os.access(self.location, os.R_OK):
            raise InputError(f"{self.path}: no permission to read it. Give yourself access.")
        return Input(_readable_name(os.path.basename(self.location)), self.location, self._status.st_size)

    def is_folder(self) -> bool:
        return self._status is not None

    def below(self, folder: str, depth: int | None, hidden: bool) -> _Listing:
        """Files are followed through links, folders are not, so nothing goes round in a circle."""
        listing = _Listing()
        waiting = [("", folder, False)]
        while waiting:
            prefix, path, inside_hidden = waiting.pop()
            for entry in self._entries(path, is_top=not prefix, is_left_out=inside_hidden):
                leave_out = inside_hidden or (not hidden and entry.name.startswith((".", "_")))
                if entry.is_dir(follow_symlinks=False):
                    if depth is None or prefix.count("/") + 1 < depth:
                        waiting.append((f"{prefix}{entry.name}/", entry.path, leave_out))
                    continue
                file = None if leave_out else self._file(prefix, entry)
                if file is None:
                    listing.left_out.append(_readable_name(f"{prefix}{entry.name}"))
                else:
                    listing.files.append(file)
        return listing

    def _entries(self, path: str, is_top: bool, is_left_out: bool) -> list["os.DirEntry[str]"]:
        try:
            with os.scandir(path) as entries:
                return [*entries]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except PermissionError:
            if is_left_out:
                return []
            where = self.path if is_top else path
            raise InputError(f"{where}: no permission to list this directory. Give yourself access.") from None

    def _file(self, prefix: str, entry: "os.DirEntry[str]") -> Input | None:
        """None for a link to a folder and for a device. A link that leads nowhere is a file that cannot be read."""
        try:
            status = entry.stat()
        except OSError:
            return Input(_readable_name(f"{prefix}{entry.name}"), entry.path, 0)
        if not stat.S_ISREG(status.st_mode):
            return None
        return Input(_readable_name(f"{prefix}{entry.name}"), entry.path, status.st_size)


class _Remote:
    """A PATH at gs://."""

    def __init__(self, path: str, storage_at: StorageAt) -> None:
        self.path = path
        self.location = path.rstrip("/")
        bucket = self.location.removeprefix(GCS_SCHEME).partition("/")[0]
        if len(self.location) <= len(GCS_SCHEME) or not bucket or _MAGIC.search(bucket):
            raise InputError(f"{path}: no bucket named. Write {GCS_SCHEME}BUCKET/PATH.")
        self._storage_at = storage_at

    def file(self) -> Input | None:
        parent, _, name = self.location.rpartition("/")
        if parent in (GCS_SCHEME, GCS_SCHEME.rstrip("/")) or self.path.endswith("/"):
            return None
        size = self._storage_at(parent).size(name)
        return None if size is None else Input(name, self.location, size)

    def is_folder(self) -> bool:
        return _MAGIC.search(self.location) is None  # folders do not exist there, so there is nothing to ask

    def below(self, folder: str, depth: int | None, hidden: bool) -> _Listing:
        listing = _Listing()
        for listed in self._storage_at(folder).files():
            parts = listed.name.split("/")
            if depth is not None and len(parts) > depth:
                continue
            if not hidden and any(part.startswith((".", "_")) for part in parts):
                listing.left_out.append(listed.name)
            else:
                listing.files.append(Input(listed.name, f"{folder}/{listed.name}", listed.size))
        return listing


def _readable_name(name: str) -> str:
    """The name in Unicode, for it is written into rows: a byte that is no UTF-8 becomes its escape, such as `\\xff`."""
    return os.fsencode(name.replace(os.sep, "/")).decode("utf-8", "backslashreplace")


def _cause(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
