"""docs/architecture.md names every module, in the section of its package, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent
PAGE = (HOME / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = sorted(path.parent.name for path in (HOME / "typedflow").glob("*/__init__.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_has_its_row(package: str) -> None:
    section = re.search(rf"^## {package}/, module by module\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert section is not None
    rows = re.findall(r"^\| (`\w+\.py`(?:, `\w+\.py`)*) \|", section[1], re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"(\w+)\.py", row)]
    assert sorted(named) == sorted(path.stem for path in (HOME / "typedflow" / package).glob("[!_]*.py"))
