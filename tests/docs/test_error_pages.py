"""docs/errors.md has one entry for each rule, in order, that says who tells it and shows what to write instead."""

from __future__ import annotations

import ast

import pytest

from tests.docs.programs import ENTRIES, PLUGIN_ONLY, RUN_TIME_ONLY, TYPE_CHECKERS, completed
from typedflow.rules.catalogue import RULES, Rule

# Damaged documents and stores, and stores of one's own, which no line of a program shows.
NOT_SHOWN = {
    f"TF{number}"
    for number in (827, 830, 843, 906, 907, 909, 910, 911, 912, 913, 950, 953, 954, 955, 956, 957, 958, 972, 973)
}


def test_every_rule_has_an_entry_in_the_order_of_the_rules() -> None:
    assert list(ENTRIES) == list(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.number)
@pytest.mark.thin(5)
def test_an_entry_is_headed_by_its_title_and_says_where_it_is_told(rule: Rule) -> None:
    entry = ENTRIES[rule.number]
    told, _, said = entry.text.removeprefix("*").partition(".* ")
    assert entry.title == rule.title
    if rule.code:
        assert told in {f"`{rule.code}`{who}" for who in ("", PLUGIN_ONLY, RUN_TIME_ONLY, TYPE_CHECKERS)}
    else:
        assert told == "at run time"
    assert len(said.partition("\n")[0]) > 20


def test_every_rule_that_a_program_can_break_is_shown() -> None:
    assert {entry.number for entry in ENTRIES.values() if not entry.wrong} == NOT_SHOWN


@pytest.mark.parametrize("number", sorted(set(RULES) - NOT_SHOWN))
@pytest.mark.thin(5)
def test_both_ways_are_python_and_differ(number: str) -> None:
    wrong, right = (ast.dump(ast.parse(way)) for way in (ENTRIES[number].wrong, ENTRIES[number].right))
    assert wrong != right
    assert max(map(len, (ENTRIES[number].wrong + ENTRIES[number].right).splitlines())) <= 120


def test_an_example_takes_the_place_of_what_it_names() -> None:
    program = completed("class Review(Contract):\n    input: Request\n\n\ndata.emit('x')\nflow.to(find)\n", "TF101")
    assert program.count("class Review(Contract):") == 1
    assert "class Review(Contract):\n    input: Request\ndef find" in program
    assert "-> Report:\n    data.emit('x')\n    return Report" in program
    assert program.endswith("\nflow.to(find)\n")


@pytest.mark.parametrize("number, argument", [("TF301", "capture"), ("TF401", "write_back")])
def test_a_mapping_is_one_of_a_child_flow(number: str, argument: str) -> None:
    program = completed("class Extra(State):\n    topic: str\n\n\n{'a': 'b'}\n", number)
    assert program.endswith(f"class Extra(State):\n    topic: str\nflow.to_sub_flow(search, {argument}={{'a': 'b'}})\n")
