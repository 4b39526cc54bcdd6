"""The rules of events: a name that the contract declares, with a payload of the declared type."""

from __future__ import annotations

from collections.abc import Collection

from typedflow.rules.names import name_hint
from typedflow.rules.problems import Problem
from typedflow.rules.wording import describe, instead_of, quoted


def check_event(name: object, declared: Collection[str] | None, *, contract: str) -> Problem | None:
    """Check that the contract declares the event (TF501, TF503); `declared` is None where it has no events at all."""
    if declared is None:
        hint = f"add an Events class to {contract}: `events: {contract}Events`"
        return Problem("TF503", f"contract {quoted(contract)} declares no events", hint, side="key")
    if not isinstance(name, str):
        return Problem("TF501", f"an event name is a str, not {describe(name)}", "use the field's name", side="key")
    if name in declared:
        return None
    hint = name_hint(name, declared, known="declared") or f"add it to the events of {contract}"
    return Problem("TF501", f"contract {quoted(contract)} declares no event {quoted(name)}", hint, side="key")


def wrong_payload_problem(name: str, declared: str, given: str, *, path: str = "", expected: str = "") -> Problem:
    """Report a payload that is not of the event's type (TF502); the words are those of `wording.instead_of`."""
    text = f"event {quoted(name)} carries {instead_of(declared, given, path=path, expected=expected)}"
    return Problem("TF502", text, f"emit it with a value of {declared}", side="value")
