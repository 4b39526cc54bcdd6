"""Forms: the fields that a schema leads to, and what is read of what a browser sends."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from examples.approvals.forms import fields_of, read_form, render_form
from examples.approvals.records import Decision, Purchase

DECISION: Final = msgspec.json.schema(Decision)
PURCHASE: Final = msgspec.json.schema(Purchase)


@pytest.mark.parametrize(
    "line",
    [
        '<p><label>approved <input type="checkbox" name="approved"></label></p>',
        '<p><label>budget <select name="budget"><option>company</option><option selected>team</option></select>'
        "</label></p>",
        '<p><label>note <input type="text" name="note" value=""></label></p>',
    ],
)
def test_a_field_has_the_input_of_its_type(line: str) -> None:
    assert line in render_form(DECISION, "/here").splitlines()


def test_limits_are_those_of_the_type() -> None:
    assert 'type="number" name="cents" value="" min="1" max="100000000" required>' in render_form(PURCHASE, "/here")


def test_what_was_typed_stays_and_is_escaped() -> None:
    form = render_form(PURCHASE, "/here", {"what": '"><script>'}, "what & why")
    assert 'value="&quot;&gt;&lt;script&gt;"' in form
    assert '<p role="alert">what &amp; why</p>' in form


@pytest.mark.parametrize(
    "sent, data",
    [
        ({"approved": "on", "note": "fine"}, {"approved": True, "note": "fine"}),
        ({"budget": "team"}, {"approved": False, "budget": "team"}),
    ],
)
def test_what_is_sent_becomes_plain_data(sent: dict[str, str], data: dict[str, Any]) -> None:
    assert read_form(DECISION, sent) == data


def test_what_is_no_number_stays_a_text() -> None:
    assert read_form(PURCHASE, {"cents": "many"}) == {"cents": "many"}
    assert read_form({"properties": {"share": {"type": "number"}}}, {"share": "0.5"}) == {"share": 0.5}


def test_a_schema_without_a_reference_has_its_own_fields() -> None:
    assert [*fields_of({"properties": {"a": {}}})] == ["a"]
