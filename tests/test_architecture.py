"""docs/architecture.md names every module, in the section of its package, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_layers import LEVELS

HOME = Path(__file__).parent.parent
PAGE = (HOME / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = {path.parent.name: path.parent for path in sorted((HOME / "typedflow").glob("*/__init__.py"))} | {
    str(path.parent.relative_to(HOME)): path.parent for path in sorted((HOME / "mypy_plugin").rglob("__init__.py"))
}
"""The packages by their names in the headings."""


# A name in a row, with what it is called with: `read_document(source, max_bytes=…)`, `parse(tp) -> Kind`.
NAMED = re.compile(r"`([A-Za-z_]\w*)(?:\([^`]*)?(?: -> [^`]*)?`")


def rows_of(package: str) -> list[tuple[list[str], str]]:
    """Return the rows of a package's table: the modules, and what stands behind them."""
    section = re.search(rf"^## {package}/?, module by module\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None
    rows = re.findall(r"^\| (`\w+\.py`(?:, `\w+\.py`)*) \|(.*)$", section[1], re.MULTILINE)
    return [(re.findall(r"(\w+)\.py", modules), said) for modules, said in rows]


def test_the_layers_are_those_of_the_import_table() -> None:
    block = re.search(r"^## The layers\n.*?^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert block is not None
    shown = re.findall(r"^(\w+)(?:/|\.py) +L(\d+) ", block[1], re.MULTILINE)
    level = {room.removeprefix("typedflow."): number for number, rooms in enumerate(LEVELS) for room in rooms}
    assert sorted(name for name, _ in shown) == sorted(level)
    assert [level[name] for name, _ in shown] == sorted(level[name] for name, _ in shown), "from the bottom to the top"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_has_its_row(package: str) -> None:
    named = [name for modules, _ in rows_of(package) for name in modules]
    assert sorted(named) == sorted(path.stem for path in PACKAGES[package].glob("[!_]*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_row_names_is_in_its_modules(package: str) -> None:
    """A row of the plugin may name a call as well, which its dispatcher leads to a check."""
    calls = HOME / "mypy_plugin" / "typedflow_mypy" / "plugin.py"
    for modules, said in rows_of(package):
        paths = [*(PACKAGES[package] / f"{name}.py" for name in modules), *([calls] if "plugin" in package else [])]
        text = "".join(path.read_text(encoding="utf-8") for path in paths)
        assert [name for name in NAMED.findall(said) if not re.search(rf"\b{name}\b", text)] == [], modules


@pytest.mark.parametrize(
    "record, left_out", [("StepInProgress", []), ("ContractSpec", ["declared"]), ("HandlerTypes", [])]
)
def test_a_record_that_is_shown_has_the_members_that_it_has(record: str, left_out: list[str]) -> None:
    shown = "".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
    real = "".join(path.read_text(encoding="utf-8") for path in sorted((HOME / "typedflow" / "schema").glob("*.py")))
    assert members_of(record, shown) + left_out == members_of(record, real)


def members_of(record: str, source: str) -> list[str]:
    """Return the names of the members that a class declares, in order."""
    body = re.search(rf"^class {record}\b.*?(?=^\S|\Z)", source, re.DOTALL | re.MULTILINE)
    assert body is not None
    return re.findall(r"^    (?:def )?(\w+)(?=: |\(self)", body[0], re.MULTILINE)
