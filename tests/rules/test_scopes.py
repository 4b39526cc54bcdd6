"""The table of scopes is the one of the design, and both mappings follow it."""

from __future__ import annotations

import itertools

import pytest

from tests.rules.shapes import scopes
from typedflow.rules.capture import check_capture
from typedflow.rules.scopes import ALIASES, CAPTURE, SCOPES, WRITE_BACK, canonical
from typedflow.rules.write_back import check_write_back

LAYERS = {"value", "state", "flow_state"}
ALLOWED = {
    "capture": {"input": LAYERS, "state": LAYERS, "flow_state": LAYERS, "resources": {"resources"}},
    "write_back": {"value": {"result"}, "state": {"result"}, "flow_state": {"result"}},
}
ANY = dict.fromkeys(["input", "value", "state", "flow_state", "resources", "result"], "Any")
TARGETS = sorted(SCOPES | set(ALIASES))


def test_the_table_is_that_of_the_design() -> None:
    assert {target: set(sources) for target, sources in CAPTURE.sources.items()} == ALLOWED["capture"]
    assert {target: set(sources) for target, sources in WRITE_BACK.sources.items()} == ALLOWED["write_back"]


@pytest.mark.parametrize("alias, scope", [("runtime_data", "state"), ("flow_data", "flow_state"), ("state", "state")])
def test_an_alias_stands_for_its_scope(alias: str, scope: str) -> None:
    assert canonical(alias) == scope


@pytest.mark.parametrize("target, source", list(itertools.product(TARGETS, TARGETS)))
@pytest.mark.thin(5)
def test_a_pair_of_scopes_is_captured_as_the_table_says(target: str, source: str) -> None:
    allowed = canonical(source) in ALLOWED["capture"].get(canonical(target), ())
    verdict = check_capture({target: {"key": f"{source}.key"}, "input": "value"}, scopes(**ANY), scopes(**ANY))
    if target == "input":
        verdict = check_capture({target: {"key": f"{source}.key"}}, scopes(**ANY), scopes(**ANY))
    assert (not verdict.problems) == allowed


@pytest.mark.parametrize("target, source", list(itertools.product(TARGETS, TARGETS)))
@pytest.mark.thin(5)
def test_a_pair_of_scopes_is_written_back_as_the_table_says(target: str, source: str) -> None:
    allowed = source in ALLOWED["write_back"].get(canonical(target), ())
    verdict = check_write_back({target: {"key": f"{source}.key"}}, scopes(**ANY), scopes(**ANY))
    assert (not verdict.problems) == allowed
