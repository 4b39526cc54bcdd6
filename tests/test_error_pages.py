"""docs/errors.md has one entry for each rule, in order, and what it shows is Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from typedflow.contract.rules import RULES, Rule

PAGE = (Path(__file__).parent.parent / "docs" / "errors.md").read_text(encoding="utf-8")
_TEXT = re.sub(r"^# (?=wrong|right)", "#", PAGE, flags=re.MULTILINE)
ENTRIES = {
    heading.partition(":")[0]: (heading, body.strip())
    for heading, body in re.findall(r"^## (.+)\n\n((?:(?!^##? ).*\n?)*)", _TEXT, re.MULTILINE)
}
PARTS = re.compile(r"```python\n#wrong\n(.+?)\n#right\n(.+?)\n```", re.DOTALL)


def test_every_rule_has_an_entry_in_the_order_of_the_rules() -> None:
    assert list(ENTRIES) == list(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.number)
def test_an_entry_is_headed_by_its_title_and_says_where_it_is_told(rule: Rule) -> None:
    heading, body = ENTRIES[rule.number]
    assert heading == f"{rule.number}: {rule.title}"
    told = f"`{rule.code}`" if rule.code else "at run time"
    assert body.startswith(f"*{told}.* ")
    assert len(body.partition(".* ")[2].partition("\n")[0]) > 20


@pytest.mark.parametrize("number", [number for number, (_, body) in ENTRIES.items() if "```" in body])
def test_what_an_entry_shows_is_python_wrong_and_right(number: str) -> None:
    found = PARTS.search(ENTRIES[number][1])
    assert found is not None
    wrong, right = found.groups()
    assert wrong != right
    for snippet in (wrong, right):
        ast.parse(f"async def shown():\n{_indented(snippet)}")


def test_every_rule_of_the_type_checker_shows_a_wrong_and_a_right_way() -> None:
    without = [rule.number for rule in RULES.values() if rule.code and "```" not in ENTRIES[rule.number][1]]
    assert without == ["TF707", "TF711"]


def _indented(snippet: str) -> str:
    return "\n".join(f"    {line}" for line in snippet.splitlines())
