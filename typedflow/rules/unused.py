"""Declarations that nothing in their module uses: fields, events and resources. Only a type checker reports them."""

from __future__ import annotations

from typedflow.rules.problems import Problem
from typedflow.rules.wording import quoted

_KEEP = "remove it, or list its class in __all__ if other modules use it"


def unused_resource_problem(name: str, owner: str) -> Problem:
    """Report a resource that nothing in the module uses (TF198)."""
    text = f"nothing in this module uses resource {quoted(name)} of {owner}"
    return Problem("TF198", text, _KEEP, side="key")


def unused_event_problem(name: str, owner: str) -> Problem:
    """Report an event that nothing in the module emits or listens to (TF598)."""
    text = f"nothing in this module emits event {quoted(name)} of {owner}, or listens to it"
    return Problem("TF598", text, _KEEP, side="key")


def unheard_event_problem(name: str, owner: str) -> Problem:
    """Report an event that the module emits, and that nothing in it listens to (TF598)."""
    text = f"event {quoted(name)} of {owner} is emitted in this module, but nothing in it listens to it"
    return Problem("TF598", text, f'listen to it with flow.when("{name}"), or remove it', side="key")


def unused_field_problem(name: str, owner: str) -> Problem:
    """Report a field of a State or FlowState that nothing in the module reads or writes (TF698)."""
    text = f"nothing in this module reads or writes field {quoted(name)} of {owner}"
    return Problem("TF698", text, _KEEP, side="key")
