"""Problems of moving values by a checked mapping, found at definition or at run time."""

from __future__ import annotations

from collections.abc import Sequence

from typedflow.rules.bindings import Binding, Reporter
from typedflow.rules.problems import Problem
from typedflow.rules.scopes import WRITE_BACK, Direction
from typedflow.rules.wording import quoted


def shared_sources(bindings: Sequence[Binding]) -> list[Binding]:
    """Return the bindings of a write_back whose source overlaps that of an earlier one: they must copy the value."""
    shared = []
    for position, binding in enumerate(bindings):
        path = binding.source.path
        earlier = (other.source.path for other in bindings[:position])
        if any(path[: len(other)] == other[: len(path)] for other in earlier):
            shared.append(binding)
    return shared


def uncopyable_problem(binding: Binding, direction: Direction, reason: str) -> Problem:
    """Report a value that cannot be copied, so that child and parent, or two targets, would share it (TF316, TF416)."""
    text = f"{quoted(str(binding.source))} cannot be copied: {reason}"
    if direction.name == "capture":
        hint = "capture the parts that are data; hand a live object over as a resource"
    else:
        hint = "write it to one target, the parts that are data to others"
    return Reporter(direction).at_value("16", binding.keys, text, hint, str(binding.source))


def uncopyable_value_problem(binding: Binding, reason: str) -> Problem:
    """Report a write_back to a field of a value that cannot be copied and may still be referenced (TF416)."""
    text = f"'value' cannot be changed in part, because it cannot be copied: {reason}"
    hint = "write another value as a whole, or write to the state"
    return Reporter(WRITE_BACK).at_key("16", binding.keys, text, hint)


def not_there_problem(binding: Binding, direction: Direction, segment: str, *, what: str = "key") -> Problem:
    """Report a source that the types allow but that is absent from this value (TF317, TF417)."""
    text = f"{quoted(str(binding.source))} is not there: no {what} {quoted(segment)}"
    hint = "set it before the child runs" if direction.name == "capture" else "return it from the child"
    return Reporter(direction).at_value("17", binding.keys, text, hint, str(binding.source))


def no_place_problem(binding: Binding, direction: Direction, reason: str) -> Problem:
    """Report a target that the types allow but whose enclosing value is absent (TF317, TF417)."""
    text = f"{quoted(str(binding.target))} cannot be written: {reason}"
    return Reporter(direction).at_key("17", binding.keys, text, "write what it lies in as a whole")


def does_not_fit_problem(direction: Direction, keys: tuple[str, ...], mismatch: str) -> Problem:
    """Report a moved value that fails the check of its target (TF317, TF417)."""
    hint = "the declared types fit; look for a value that was changed in place"
    return Reporter(direction).at_value("17", keys, f"the value does not fit: {mismatch}", hint)
