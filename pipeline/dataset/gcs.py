"""Storage on Google Cloud Storage. The only module of the dataset that knows Google's client, an extra.

With STORAGE_EMULATOR_HOST set it talks to that server, anonymously, and asks nobody for credentials.
"""

import contextlib
import functools
import io
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from pipeline.dataset.storage import GCS_SCHEME, AlreadyExists, Listed, StorageError, checked_name

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PREFETCH_BYTES = 1 << 18
"""What a small read asks for, at least: a round trip costs more than the bytes."""

_SMALL_BYTES = 1 << 20
"""An object up to this size is read whole when it is opened."""

_RETRY_SECONDS = 60.0
_DELETE_THREADS = 8


@dataclass(frozen=True, slots=True)
class GcsStorage:
    """Objects below a prefix of a bucket. Objects appear when they are complete, and are replaced atomically."""

    bucket: str
    prefix: str = ""

    @property
    def location(self) -> str:
        """gs://bucket/prefix."""
        return f"{GCS_SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def where(self, name: str) -> str:
        """gs://bucket/prefix/name."""
        return f"{self.location}/{checked_name(name)}"

    def files(self, folder: str = "") -> Iterator[Listed]:
        """Every object below the folder, sorted by name."""
        start = "/".join(part for part in (self.prefix, folder.strip("/")) if part)
        start = f"{start}/" if start else ""
        cut = len(self.prefix) + 1 if self.prefix else 0
        with _explained(f"{GCS_SCHEME}{self.bucket}/{start}", "list"):
            fields = "items(name,size,updated),nextPageToken"
            blobs = self._bucket().list_blobs(prefix=start, fields=fields, retry=_retry())
            found = [
                Listed(blob.name[cut:], blob.size, blob.updated.timestamp())
                for blob in blobs
                if not blob.name.endswith("/")
            ]
        yield from sorted(found, key=lambda listed: listed.name)

    def size(self, name: str) -> int | None:
        """Its size in bytes; None where it does not exist."""
        with _explained(self.where(name), "read"):
            blob = self._bucket().get_blob(self._key(name), retry=_retry())
            return None if blob is None else int(blob.size)

    def checksum(self, name: str) -> str | None:
        """The CRC32C that the store keeps, without reading the object. FileNotFoundError where it does not exist."""
        with _explained(self.where(name), "read"):
            blob = self._existing(name)
            return f"crc32c:{blob.crc32c}" if blob.crc32c else None

    def open(self, name: str) -> BinaryIO:
        """Opens for reading, with seek; each read asks for its range. FileNotFoundError where it does not exist."""
        with _explained(self.where(name), "read"):
            found = self._existing(name)
            # Only a generation that is asked for is part of the request.
            blob = self._bucket().blob(self._key(name), generation=found.generation)
            if found.size <= _SMALL_BYTES:
                with _not_found(self.where(name)):
                    return io.BytesIO(blob.download_as_bytes(retry=_retry()))
            return io.BufferedReader(_ObjectReader(blob, found.size, self.where(name)), _PREFETCH_BYTES)

    def read(self, name: str) -> bytes:
        """The whole content. FileNotFoundError where it does not exist."""
        with _explained(self.where(name), "read"), _not_found(self.where(name)):
            return cast("bytes", self._bucket().blob(self._key(name)).download_as_bytes(retry=_retry()))

    def write(self, name: str, data: bytes | memoryview, durable: bool = True, trailer: bytes = b"") -> None:
        """Stores the bytes under the name, whole or not at all; replaces what was there. Always durable."""
        with _explained(self.where(name), "write"):
            self._upload(name, b"".join((data, trailer)))

    def create(self, name: str, data: bytes) -> None:
        """Stores the bytes under a name that must be free, atomically. AlreadyExists where others hold it.

        The client repeats a request whose reply was lost and is then told that the name is taken: by its own object.
        So the object is read back and compared.
        """
        with _explained(self.where(name), "write"):
            try:
                self._upload(name, data, if_generation_match=0)
            except _google().errors.PreconditionFailed:
                if self.read(name) != data:
                    raise AlreadyExists(self.where(name)) from None

    def delete(self, name: str) -> None:
        """Deletes it; that it does not exist is no error."""
        with (
            _explained(self.where(name), "delete"),
            contextlib.suppress(FileNotFoundError),
            _not_found(self.where(name)),
        ):
            self._bucket().blob(self._key(name)).delete(retry=_retry())

    def delete_folder(self, folder: str) -> None:
        """Deletes all below the folder."""
        checked_name(folder)
        with ThreadPoolExecutor(_DELETE_THREADS) as threads:
            for _ in threads.map(self.delete, [listed.name for listed in self.files(folder)]):
                pass

    def delete_leftovers(self) -> int:
        """0: there are no temporary objects."""
        return 0

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{checked_name(name)}" if self.prefix else checked_name(name)

    def _bucket(self) -> Any:
        return _client(os.getpid(), os.environ.get("STORAGE_EMULATOR_HOST")).bucket(self.bucket)

    def _existing(self, name: str) -> Any:
        blob = self._bucket().get_blob(self._key(name), retry=_retry())
        if blob is None:
            raise FileNotFoundError(self.where(name))
        return blob

    def _upload(self, name: str, data: bytes, **conditions: int) -> None:
        blob = self._bucket().blob(self._key(name))
        kind = "application/json" if name.endswith(".json") else "application/octet-stream"
        blob.upload_from_string(data, content_type=kind, retry=_retry(), **conditions)


class _ObjectReader(io.RawIOBase):
    """Reads ranges of one generation of an object: what is replaced while it is read fails instead of mixing."""

    def __init__(self, blob: Any, size: int, place: str) -> None:
        super().__init__()
        self._blob = blob
        self._place = place
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer).cast("B")
        wanted = min(len(target), self._size - self._position)
        if wanted <= 0:
            return 0
        with _explained(self._place, "read"), _not_found(self._place):
            data = self._blob.download_as_bytes(
                start=self._position, end=self._position + wanted - 1, checksum=None, retry=_retry()
            )
        if len(data) != wanted:
            raise StorageError(f"Cannot read {self._place}: the store sent {len(data)} of {wanted} bytes. Try again.")
        target[:wanted] = data
        self._position += wanted
        return wanted


@dataclass(frozen=True, slots=True)
class _Google:
    """What is used of Google's packages."""

    client: Any
    anonymous: Any
    retry: Any
    errors: Any
    auth_error: type[Exception]
    invalid_response: type[Exception]
    corruption: type[Exception]


@functools.cache
def _google() -> _Google:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it names packages that it could also use
            from google.api_core import exceptions
            from google.auth.credentials import AnonymousCredentials
            from google.auth.exceptions import GoogleAuthError
            from google.cloud import storage
            from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
            from google.cloud.storage.retry import DEFAULT_RETRY
    except ImportError:
        raise StorageError(
            'gs:// needs a package that is not installed. Install it with: pip install "beamwire[gcp]"'
        ) from None
    retry = DEFAULT_RETRY.with_timeout(_RETRY_SECONDS)
    return _Google(
        storage.Client, AnonymousCredentials, retry, exceptions, GoogleAuthError, InvalidResponse, DataCorruption
    )


@functools.cache
def _client(process: int, emulator: str | None) -> Any:
    """One client a process: connections do not survive a fork, and a client does not pickle."""
    google = _google()
    if emulator:
        return google.client(project="emulator", credentials=google.anonymous())
    return google.client()


def _retry() -> Any:
    return _google().retry


@contextlib.contextmanager
def _not_found(place: str) -> Iterator[None]:
    errors = _google().errors
    try:
        yield
    except errors.NotFound:
        raise FileNotFoundError(place) from None


@contextlib.contextmanager
def _explained(place: str, doing: str) -> Iterator[None]:
    """Says what the store refused. What the callers decide on passes through."""
    google = _google()
    errors = google.errors
    try:
        yield
    except (StorageError, FileNotFoundError):
        raise
    except google.auth_error as error:
        raise StorageError(
            f"Cannot {doing} {place}: no valid credentials. "
            "Log in with: gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS."
        ) from error
    except (errors.Forbidden, errors.Unauthorized) as error:
        raise StorageError(
            f"Cannot {doing} {place}: no permission. Grant your account the role Storage Object User on the bucket."
        ) from error
    except errors.NotFound as error:
        raise StorageError(
            f"Cannot {doing} {place}: no such bucket. Make it with: gcloud storage buckets create, or check its name."
        ) from error
    except google.corruption as error:
        raise StorageError(f"Cannot {doing} {place}: bytes changed on the way. Try again.") from error
    except (errors.GoogleAPIError, google.invalid_response, OSError) as error:
        raise StorageError(f"Cannot {doing} {place}: {_one_line(error)}. Check the network and try again.") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
