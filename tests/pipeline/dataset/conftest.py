"""Fixtures of the tests of the dataset: the emulator, and one storage of each kind."""

from pathlib import Path

import pytest

from pipeline.dataset.storage import Storage
from pipeline.dataset.stores import open_storage
from tests.gcs_emulator import gcs_bucket, gcs_emulator

__all__ = ["gcs_bucket", "gcs_emulator", "storage"]


@pytest.fixture(params=["local", "gcs"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty place, on disk and in the emulator."""
    if request.param == "local":
        return open_storage(str(tmp_path / "data set"))
    return open_storage(f"gs://{request.getfixturevalue('gcs_bucket')}/data set")
