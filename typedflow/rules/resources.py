"""The rules of resources: declared keys, complete before anything runs, of the declared class.

Declared types are passed in rendered form, so that both front ends can call the rules: `{"search": "SearchTool"}`.
"""

from __future__ import annotations

from collections.abc import Collection

from typedflow.rules.names import SEGMENT, name_hint, nearest
from typedflow.rules.problems import Problem
from typedflow.rules.wording import quoted


def check_key(key: object) -> Problem | None:
    """Check that a resource key is one name (TF104): resources are passed as a whole, so a key has no dots."""
    if isinstance(key, str) and SEGMENT.fullmatch(key) is not None:
        return None
    if not isinstance(key, str):
        return Problem(
            "TF104", f"a resource key is a str, not {type(key).__name__}", "use the field's name", side="key"
        )
    hint = "use the name of one field of the contract's resources"
    first = key.partition(".")[0]
    if "." in key and SEGMENT.fullmatch(first) is not None:
        hint = f"take {quoted(first)} and read its attributes: resources are given whole, a key has no dots"
    return Problem("TF104", f"{quoted(key)} is not a resource key", hint, side="key")


def wrong_pick_problem() -> Problem:
    """Report a `require(…)` whose function returns something other than one resource (TF104)."""
    return Problem("TF104", "data.require(…) takes a function that returns one resource as it is",
                   "write data.require(lambda r: r.browser)", side="value")  # fmt: skip


def check_declared(key: object, declared: Collection[str], *, owner: str) -> Problem | None:
    """Check that the contract declares the resource (TF101, TF104, TF105); `owner` is the Resources class's name."""
    problem = check_key(key)
    if problem is not None or key in declared:
        return problem
    hint = name_hint(key, declared, known="declared") or f"add a field to {owner}"
    return Problem("TF101", f"{owner} declares no resource {quoted(str(key))}", hint, side="key")


def check_factories(given: Collection[str], declared: Collection[str], lacking: Collection[str]) -> list[Problem]:
    """Check that no factory of a worker has the misspelt name of a resource that one of its flows lacks (TF101).

    `declared` are the keys of all its flows, `lacking` the required ones that the flows themselves do not supply. A
    factory that none of the flows needs is left alone: workers of other flows may share the mapping.
    """
    without = [key for key in lacking if key not in given]
    meant = {key: nearest(key, without) for key in given if key not in declared}
    return [
        Problem("TF101", f"no flow of this worker declares a resource {quoted(key)}", f"did you mean {quoted(name)}?",
                side="key")
        for key, name in meant.items()
        if name is not None
    ]  # fmt: skip


def no_resources_problem(contract: str) -> Problem:
    """Report a resource call under a contract that declares none (TF105)."""
    hint = f"add a Resources class to {contract}: `resources: {contract}Resources`"
    return Problem("TF105", f"contract {quoted(contract)} declares no resources", hint)


def missing_resource_problem(
    key: str, type_: str, available: Collection[str] = (), *, in_test: bool = False
) -> Problem:
    """Report a required resource that is absent or None (TF102); `available` are the existing keys.

    With `in_test` it is missing where a test calls a handler alone.
    """
    declared = f", declared as {type_}," if type_ else ""
    way = f"give it with update_runtime_resources({key}=…) on the flow, or runtime_resources={{{quoted(key)}: …}}"
    if in_test:
        way = f"give it with make_data(…, resources={{{quoted(key)}: …}})"
    hint = f"{name_hint(key, available, known='available')}; {way}" if available else way
    return Problem("TF102", f"resource {quoted(key)}{declared} is missing", hint, side="key")


def no_mapping_problem(given: object) -> Problem:
    """Report resources that are neither a mapping of keys nor an object of a Resources class (TF103)."""
    text = f"resources are given as a mapping or a Resources object, not {type(given).__name__}"
    return Problem("TF103", text, "write runtime_resources={'key': value}", side="value")


def wrong_class_problem(key: str, type_: str, given: str) -> Problem:
    """Report a resource that is not of its declared class (TF103); `given` is a type, never the value."""
    text = f"resource {quoted(key)} is declared as {type_}, not {given}"
    return Problem("TF103", text, f"give an instance of {type_}", side="value")


def assigned_problem(owner: str, key: str, declared: Collection[str]) -> Problem:
    """Report an assignment to an attribute of a Resources instance (TF106); an undeclared one is TF101."""
    problem = check_declared(key, declared, owner=owner)
    if problem is not None:
        return problem
    text = f"resource {quoted(key)} cannot be assigned to {owner}"
    hint = f"data.set_resource({quoted(key)}, value) replaces it for this execution"
    return Problem("TF106", text, hint, side="key")
