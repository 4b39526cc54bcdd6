"""The plugin's own options: `[tool.typedflow-mypy]` in pyproject.toml, `[typedflow-mypy]` in an ini file.

They are not mypy's options, because mypy's daemon cannot take codes that a plugin made as global ones. What is wrong
with them is said on stderr, as mypy says it of its own.
"""

from __future__ import annotations

import configparser
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from typedflow.rules.names import name_hint
from typedflow.rules.wording import describe, quoted

SECTION: Final = "typedflow-mypy"
_TRUE: Final = frozenset({"true", "yes", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user can choose."""

    strict_dynamic_keys: bool = False
    """Report keys, paths and mappings that are no literals, so that nothing can be checked (`typedflow-dynamic`)."""
    report_unused: bool = False
    """Report fields, events and resources that nothing in their module uses (`typedflow-unused`)."""


def read_settings(config_file: str | None) -> tuple[Settings, list[str]]:
    """Read the options of mypy's own configuration file; return also what is wrong with them."""
    if not config_file:
        return Settings(), []
    path = Path(config_file)
    try:
        raw, section = _section(path)
    except (OSError, tomllib.TOMLDecodeError, configparser.Error, UnicodeDecodeError) as error:
        return Settings(), [f"{path.name}: cannot be read: {error}"]
    known = [field.name for field in fields(Settings)]
    chosen: dict[str, bool] = {}
    problems = []
    for name, value in raw.items():
        flag = _flag(value)
        if name not in known:
            hint = name_hint(name, known, known="options")
            problems.append(f"{path.name}: [{section}]: unrecognized option: {quoted(name)} ({hint})")
        elif flag is None:
            problems.append(f"{path.name}: [{section}]: {name} is true or false, not {describe(value)}")
        else:
            chosen[name] = flag
    return Settings(**chosen), problems


def report_settings(problems: list[str]) -> None:
    """Write the problems of the options to stderr, where mypy reports those of its own options."""
    for problem in problems:
        sys.stderr.write(f"{problem}\n")


def _section(path: Path) -> tuple[Mapping[str, Any], str]:
    if path.suffix == ".toml":
        tool = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
        raw = tool.get(SECTION, {}) if isinstance(tool, dict) else {}
        return raw if isinstance(raw, dict) else {}, f"tool.{SECTION}"
    parser = configparser.RawConfigParser()
    parser.read(path, encoding="utf-8")
    return (dict(parser.items(SECTION)) if parser.has_section(SECTION) else {}), SECTION


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    text = value.strip().lower() if isinstance(value, str) else ""
    return True if text in _TRUE else False if text in _FALSE else None
