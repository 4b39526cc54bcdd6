"""docs/mypy.md: what its programs say below their lines is what mypy reports, and the right ones are right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.mypy.programs import ROOT, STRICT, Finding, mark, run_mypy, strip, write_project
from typedflow.rules.catalogue import CODES

PAGE: Final = ROOT / "docs" / "mypy.md"
BLOCK: Final = re.compile(r"^```python (shop|wrong|right)\n(.*?)^```$", re.M | re.S)


def read_blocks(text: str) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in BLOCK.finditer(text)]


BLOCKS: Final = read_blocks(PAGE.read_text(encoding="utf-8"))


def names() -> list[str]:
    return ["shop" if kind == "shop" else f"{kind}_{number:02}" for number, (kind, _) in enumerate(BLOCKS)]


def find(project: Path) -> dict[str, list[Finding]]:
    write_project(
        project, {f"{name}.py": strip(source) for name, (_, source) in zip(names(), BLOCKS, strict=True)}, STRICT
    )
    found: dict[str, list[Finding]] = {}
    for finding in run_mypy(project, like=STRICT):
        found.setdefault(finding.file.removesuffix(".py"), []).append(finding)
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Finding]]:
    return find(tmp_path_factory.mktemp("documents"))


@pytest.mark.parametrize("name, block", list(zip(names(), BLOCKS, strict=True)), ids=names())
def test_a_program_is_reported_as_it_says(found: dict[str, list[Finding]], name: str, block: tuple[str, str]) -> None:
    kind, source = block
    assert mark(strip(source), found.get(name, ())) == source
    assert (kind == "wrong") == bool(found.get(name))


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_has_a_wrong_and_a_right_program(code: str) -> None:
    section = PAGE.read_text(encoding="utf-8").partition(f"### {code}\n")[2].partition("\n### ")[0]
    kinds = dict(read_blocks(section))
    assert set(kinds) == {"wrong", "right"}
    assert f"[{code}]" in kinds["wrong"]


if __name__ == "__main__":  # write the markers anew
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        said = find(Path(scratch))
    page = PAGE.read_text(encoding="utf-8")
    for name, (kind, source) in zip(names(), BLOCKS, strict=True):
        marked = mark(strip(source), said.get(name, ()))
        page = page.replace(f"```python {kind}\n{source}```", f"```python {kind}\n{marked}```")
    PAGE.write_text(page, encoding="utf-8")
