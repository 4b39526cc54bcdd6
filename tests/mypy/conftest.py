"""What is made once for all tests of the installed plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mypy.wheels import build_wheel, make_user


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this tree."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def user(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """Return the Python of an environment with the wheel, and with the other packages of this one."""
    return make_user(tmp_path_factory.mktemp("installed") / "user", wheel)
