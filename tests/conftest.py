"""Fixtures that several tests share."""

pytest_plugins = ["tests.gcs_emulator", "tests.warm"]
