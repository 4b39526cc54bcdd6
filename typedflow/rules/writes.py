"""Problems of writes to a layer, for the runtime and for writes that the plugin can check.

The caller fills in the location (`Problem.where`: the handler).
"""

from __future__ import annotations

from collections.abc import Iterable

from typedflow.rules.names import name_hint
from typedflow.rules.problems import Problem
from typedflow.rules.wording import ABSENT, quoted


def wrong_type_problem(path: str, expected: str, given: str, *, layer: str = "", hint: str = "") -> Problem:
    """Report a write of the wrong type; `given` is a rendered type, or a value as `wording.describe` returns it."""
    if given == ABSENT:
        return Problem("TF601", f"{_named(path, layer)} ({expected}) is missing", hint, side="value")
    return Problem("TF601", f"{_named(path, layer)} takes {expected}, not {given}", hint, side="value")


def wrong_state_problem(layer: str, expected: str, given: str) -> Problem:
    """Report a whole layer of another type (TF601); of a subclass too, as a save would drop its extra fields."""
    return wrong_type_problem(
        layer, expected, given, hint=f"give an instance of {expected} itself, or a mapping of its fields"
    )


def undeclared_field_problem(name: str, owner: str, fields: Iterable[str]) -> Problem:
    """Report a write to a field that the record `owner` does not declare."""
    hint = name_hint(name, fields, known="its fields") or "it declares no fields"
    return Problem("TF602", f"{owner} has no field {quoted(name)}", hint, side="key")


def changed_in_place_problem(path: str, expected: str, given: str, *, layer: str = "", hint: str = "") -> Problem:
    """Report a value that a handler changed in place to one that its field does not accept."""
    text = f"{_named(path, layer)} was changed in place: it takes {expected}, and now holds {given}"
    checking = f"data.{layer or 'state'}.append(path, value) and .set(path, value) check each value where it is written"
    return Problem("TF612", text, hint or checking)


def path_not_there_problem(path: str, reached: str) -> Problem:
    """Report a path that the types allow but that is absent from the data (TF208); `reached` is where it ends."""
    blame = f": {quoted(reached)} is not there" if reached != path else ""
    return Problem("TF208", f"{quoted(path)} is not there now{blame}", "use get(path, default), or ask with `in`")


def _named(path: str, layer: str) -> str:
    return f"{quoted(path)} of {layer}" if layer else quoted(path)
