"""`[tool.typedflow]` of the nearest pyproject.toml: what a project need not repeat on the command line."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from typedflow.cli.exits import Mistake
from typedflow.rules.names import name_hint
from typedflow.rules.wording import describe, text_of

DEFAULT_STORE: Final = ".typedflow/runs.db"
KEYS: Final = ("flows", "resources", "store")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a project; paths in them are relative to `root`."""

    root: Path
    """The folder of the pyproject.toml, or the working directory if there is none."""
    resources: str | None = None
    """`module:function`, which returns the resources for `run`, `answer` and `runs retry`."""
    store: str = DEFAULT_STORE
    flows: tuple[str, ...] = ()
    """`module:flow` of each flow whose executions are stored, so that `answer` finds it."""


def read_settings(folder: Path) -> Settings:
    """Read the settings that hold in a folder: of the first pyproject.toml there or above it."""
    for parent in (folder, *folder.parents):
        file = parent / "pyproject.toml"
        if file.is_file():
            return _settings_of(file)
    return Settings(folder)


def _settings_of(file: Path) -> Settings:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("typedflow", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Mistake(f"cannot read '{file}': {text_of(error)}") from None
    where = f"[tool.typedflow] of '{file}'"
    if not isinstance(table, dict):
        raise Mistake(f"{where} is a table, not {describe(table)}")
    for key in table:
        if key not in KEYS:
            raise Mistake(f"{where} has an unknown key '{key}'", name_hint(key, KEYS))
    given: dict[str, Any] = dict(table)
    flows = given.pop("flows", [])
    for key, value in given.items():
        if not isinstance(value, str) or not value:
            raise Mistake(f"{where}: '{key}' is a text, not {describe(value)}")
    if not isinstance(flows, list) or not all(isinstance(target, str) for target in flows):
        raise Mistake(f"{where}: 'flows' is a list of texts, 'module:flow', not {describe(flows)}")
    return Settings(file.parent, flows=tuple(flows), **given)
