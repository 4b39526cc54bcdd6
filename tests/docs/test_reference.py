"""What the reference lists by hand is all there is: the config format, the anchors of errors, llms.txt, the indexes."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, get_args

import pytest

from tests.docs.programs import LLMS, LLMS_PROGRAM
from tests.docs.scenarios import DOCS, ROOT
from tests.docs.test_pages import OTHERS, TUTORIAL
from typedflow.config.documents import ConfigDocument, NodeRecord
from typedflow.rules.catalogue import RULES

CONFIG: Final = (DOCS / "reference" / "config.md").read_text(encoding="utf-8")
EVERY_NODE: Final = {"name", "auto", "ambiguous", "after", "branch"}


def rows(page: str) -> dict[str, set[str]]:
    """Return the first column of each row with the names in the second."""
    found = re.findall(r"^\| `(\w+)` \|([^|]*)\|", page, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in found}


def test_every_field_of_a_config_is_in_the_tables() -> None:
    listed = rows(CONFIG)
    for record in get_args(NodeRecord):
        fields = set(record.__struct_fields__) - EVERY_NODE
        assert listed[record.__struct_config__.tag] == fields
    assert set(ConfigDocument.__struct_fields__) < set(listed)


@pytest.mark.parametrize("page", [*TUTORIAL, *OTHERS], ids=lambda path: path.stem)
def test_every_page_is_in_the_index_of_its_folder(page: Path) -> None:
    index = (page.parent / "index.md").read_text(encoding="utf-8")
    assert page.stem == "index" or f"\n{page.stem}\n" in index


def test_llms_points_to_pages_that_are_there() -> None:
    pages = re.findall(r"\(_sources/(.+?)\.txt\)", LLMS)
    assert [page for page in pages if not (DOCS / page).exists()] == []
    assert {path.relative_to(DOCS).as_posix() for path in TUTORIAL} < set(pages)


def test_the_program_of_llms_prints_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "refund.py").write_text(LLMS_PROGRAM, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "refund.py")]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=False)
    [said] = re.findall(r"^Prints `(.+)`, then `(.+)`\.$", LLMS, re.MULTILINE)
    assert (done.stdout.splitlines(), done.stderr) == ([*said], "")


def test_the_anchor_of_an_error_is_its_number() -> None:
    spec = importlib.util.spec_from_file_location("anchors", DOCS / "anchors.py")
    assert spec is not None
    assert spec.loader is not None
    anchors: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(anchors)
    for rule in RULES.values():
        assert anchors.slug_of(f"{rule.number}: {rule.title}") == rule.number.lower()
    assert anchors.slug_of("Setting it up") == "setting-it-up"
