"""The package names every store and loads none that is not asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from typedflow import stores


@pytest.mark.parametrize("name", stores.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(stores, name).__name__ == name
    assert name in dir(stores)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'typedflow\.stores' has no attribute 'RedisStore'$"):
        _ = stores.RedisStore  # type: ignore[attr-defined]  # what is shown


def test_sqlite3_is_loaded_by_those_who_use_it() -> None:
    code = "import sys; from typedflow.stores import FileStore, MemoryStore; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
