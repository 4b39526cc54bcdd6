"""The table of rules is complete and consistent."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import typedflow.rules
from typedflow.rules.catalogue import CODES, RULES, Rule

SOURCES = sorted(Path(typedflow.rules.__file__).parent.glob("*.py"))
AREAS = {
    "1": {"typedflow-resource"},
    "2": {"typedflow-path", ""},
    "3": {"typedflow-capture", ""},
    "4": {"typedflow-write-back", ""},
    "5": {"typedflow-event"},
    "6": {"typedflow-state", ""},
    "7": {"typedflow-flow"},
    "8": {"", "typedflow-event", "typedflow-flow"},
    "9": {"typedflow-state", ""},
}


def used_numbers() -> set[str]:
    """Return the numbers that the texts use; those of mappings are put together from an area and a rule."""
    used = set()
    for source in SOURCES:
        if source.stem != "rules":
            used |= set(re.findall(r'"(TF\d{3})"', source.read_text()))
    mapping = "".join((Path(typedflow.rules.__file__).parent / f"{name}.py").read_text() for name in ("mappings",))
    used |= {area + rule for rule in re.findall(r'"(\d\d)"', mapping) for area in ("TF3", "TF4")}
    return used


def test_every_row_stands_under_its_own_number() -> None:
    assert [number for number, rule in RULES.items() if rule.number != number] == []


def test_the_rows_are_in_order() -> None:
    assert list(RULES) == sorted(RULES)


def test_no_two_rows_have_one_title_and_code() -> None:
    titles = [(rule.code, rule.title) for rule in RULES.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.number)
@pytest.mark.thin(5)
def test_a_row_has_a_code_of_its_area(rule: Rule) -> None:
    number, code, title = rule
    assert re.fullmatch(r"TF[1-9]\d\d", number)
    off_by_default = {"99": "typedflow-dynamic", "98": "typedflow-unused"}
    assert code == off_by_default.get(number[3:], code)
    assert code in off_by_default.values() or code in AREAS[number[2]]
    assert code in CODES or code == ""
    assert title
    assert title[0].islower()


def test_every_number_that_a_text_uses_has_a_row() -> None:
    # 10 and 11 are other rules in a write_back than in a capture, and 12 is none there
    assert used_numbers() - set(RULES) - {"TF412"} == set()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_the_rules_import_the_standard_library_and_themselves_only(source: Path) -> None:
    allowed = set(sys.stdlib_module_names) | {"typedflow.rules", "typing_extensions"}
    for node in ast.walk(ast.parse(source.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            root = "typedflow.rules" if name.startswith("typedflow.rules") else name.partition(".")[0]
            assert root in allowed, name


def test_importing_the_rules_loads_nothing_heavy() -> None:
    modules = ", ".join(f"typedflow.rules.{source.stem}" for source in SOURCES if source.stem != "__init__")
    code = f"import sys, {modules}; print([m for m in ('msgspec', 'mypy', 'asyncio', 'difflib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
