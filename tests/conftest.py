"""Shared by all tests: the snapshot fixture and its `--update-snapshots` option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test judges time: a busy machine is no failure.
settings.register_profile("lintloss", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lintloss")

SNAPSHOTS = Path(__file__).parent / "snapshots"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="write the snapshots anew; then read the diff")


@pytest.fixture
def snapshot(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file of that name under tests/snapshots, byte for byte."""

    def check(name: str, text: str) -> None:
        path = SNAPSHOTS / name
        if request.config.getoption("--update-snapshots"):
            path.write_bytes(text.encode())
        assert path.exists(), f"no snapshot {name}; run pytest --update-snapshots and read it"
        assert text == path.read_bytes().decode()

    return check
