"""What can go wrong when a checked mapping moves values: the texts of its node, at definition and at run time."""

from __future__ import annotations

from typedflow.contract.bindings import Binding, Reporter
from typedflow.contract.problems import Problem
from typedflow.contract.scopes import Direction
from typedflow.contract.wording import quoted


def uncopyable(binding: Binding, direction: Direction, reason: str) -> Problem:
    """Report a value that cannot be copied, so that the child would share it with its parent (TF316)."""
    text = f"{quoted(str(binding.source))} cannot be copied: {reason}"
    hint = "capture the parts that are data; hand a live object over as a resource"
    return Reporter(direction).at_value("16", binding.keys, text, hint, str(binding.source))


def not_there(binding: Binding, direction: Direction, segment: str) -> Problem:
    """Report a source that the types allow and this value does not have (TF317, TF417)."""
    text = f"{quoted(str(binding.source))} is not there: no key {quoted(segment)}"
    hint = "set it before the child runs" if direction.name == "capture" else "return it from the child"
    return Reporter(direction).at_value("17", binding.keys, text, hint, str(binding.source))


def does_not_fit(direction: Direction, keys: tuple[str, ...], mismatch: str) -> Problem:
    """Report a value that is moved and does not fit its target after all (TF317, TF417)."""
    hint = "the declared types fit; look for a value that was changed in place"
    return Reporter(direction).at_value("17", keys, f"the value does not fit: {mismatch}", hint)
