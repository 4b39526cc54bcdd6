"""Problems of contracts and of the classes they name, for class bodies and for class objects.

The front ends find the violations, from the runtime types or from mypy's; this module has the messages.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from typedflow.rules.names import is_reserved, name_hint
from typedflow.rules.problems import Problem
from typedflow.rules.wording import listed, quoted

PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "input": "a type",
        "result": "a type",
        "state": "a subclass of State",
        "flow_state": "a subclass of FlowState",
        "resources": "a subclass of Resources",
        "events": "a subclass of Events",
        "stream": "a type",
    }
)
"""The parts of a contract, each with its required form."""

_LAYER_BASES: Final[Mapping[str, str]] = MappingProxyType(
    {"state": "State", "flow_state": "FlowState", "resources": "Resources", "events": "Events"}
)

REQUIRED_PARTS: Final = ("input", "result")

REFUSED_OPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "frozen": "a state is there to be written",
        "array_like": "a saved state is read by its field names",
        "tag": "a state is saved under its contract, which names it already",
        "forbid_unknown_fields": "an unknown field in a saved state is an error, never dropped",
    }
)
"""The Struct options that a State and a FlowState refuse, with the reason; the last one only when it is False."""


def check_parts(contract: str, declared: Collection[str]) -> list[Problem]:
    """Check the names of a contract's parts: none unknown (TF607), none of the required ones missing (TF606)."""
    problems = [unknown_part_problem(contract, name, declared) for name in declared if name not in PARTS]
    missing = [name for name in REQUIRED_PARTS if name not in declared]
    return problems + [missing_part_problem(contract, name) for name in missing]


def unknown_part_problem(contract: str, name: str, declared: Collection[str] = ()) -> Problem:
    """Report an annotation in a contract that is none of its parts (TF607)."""
    hint = name_hint(name, [part for part in PARTS if part not in declared], known="parts")
    return Problem("TF607", f"contract {quoted(contract)} has no part {quoted(name)}", hint, side="key")


def missing_part_problem(contract: str, name: str) -> Problem:
    """Report a required part that a contract lacks (TF606)."""
    hint = f"add `{name}: …` with the type, or `{name}: None` where there is none"
    return Problem("TF606", f"contract {quoted(contract)} does not say its {name}", hint)


def wrong_part_problem(contract: str, name: str, given: str) -> Problem:
    """Report a part of the wrong kind (TF605); `given` is the rendered type or the described value."""
    text = f"{quoted(name)} of contract {quoted(contract)} has to be {PARTS[name]}, not {given}"
    base = _LAYER_BASES.get(name)
    hint = f"declare `class {contract}{base}({base}): …` and name it here" if base else "annotate it with a type"
    return Problem("TF605", text, hint, side="value")


def generic_part_problem(contract: str, name: str, given: str) -> Problem:
    """Report a generic class as a part (TF605); `given` is the class as written, with or without arguments."""
    text = f"{quoted(name)} of contract {quoted(contract)} has to be {PARTS[name]} without type parameters, not {given}"
    settled = given if "[" in given else f"{given}[…]"
    own = f"{contract}{_LAYER_BASES[name]}"
    hint = f"declare `class {own}({settled}): …` with its arguments and name it here"
    return Problem("TF605", text, hint, side="value")


def unbound_part_problem(contract: str, name: str, variable: str) -> Problem:
    """Report a part that is a type variable which may stand for anything (TF605)."""
    text = f"{quoted(name)} of contract {quoted(contract)} is the type variable {variable}, and has to be {PARTS[name]}"
    return Problem("TF605", text, f"bind it: `TypeVar({variable!r}, bound=…{_LAYER_BASES[name]})`", side="value")


def unsettled_part_problem(contract: str, name: str, variable: str) -> Problem:
    """Report a part that is a type variable for which no class was substituted (TF605)."""
    text = f"{quoted(name)} of contract {quoted(contract)} is the type variable {variable}, which no class replaces"
    hint = f"add Generic[{variable}] to the bases of {contract}, or put a class in its place: `{contract}[…]`"
    return Problem("TF605", text, hint, side="value")


def outside_bound_problem(contract: str, variable: str, bound: str, given: str) -> Problem:
    """Report an argument of a generic contract that its type variable does not allow (TF605)."""
    text = f"type variable {variable} of contract {quoted(contract)} is bound to {bound}, and {given} is no subclass"
    return Problem("TF605", text, f"derive {given} from {bound}", side="value")


def foreign_part_problem(contract: str, name: str, base: str) -> Problem:
    """Report a part that only a base of another kind declares (TF617)."""
    text = f"{quoted(name)} of contract {quoted(contract)} comes from {base}, which is no Contract"
    hint = f"declare `class {base}(Contract, abstract=True): …`, or repeat {quoted(name)} in {contract}"
    return Problem("TF617", text, hint)


def part_with_value_problem(contract: str, name: str) -> Problem:
    """Report a part that is assigned a value: a contract has annotations only (TF613)."""
    text = f"{quoted(name)} of contract {quoted(contract)} has a value: a contract holds annotations only"
    return Problem("TF613", text, f"write `{name}: …` with the type, and no `=`", side="key")


def wrong_version_problem(contract: str, given: str) -> Problem:
    """Report a contract version that is not a positive whole number (TF614)."""
    text = f"the version of contract {quoted(contract)} is a whole number from 1, not {given}"
    return Problem("TF614", text, f"write `class {contract}(Contract, version=2)`", side="value")


def not_persistable_problem(owner: str, field: str, reason: str, *, path: str = "") -> Problem:
    """Report a field of a State or FlowState that cannot be saved and read back (TF603).

    `reason` is a sentence that names the type at fault; `path` leads to it where it sits deeper than the field.
    """
    inside = f" at {quoted(path)}" if path and path != field else ""
    text = f"field {quoted(field)} of {owner} cannot be saved{inside}: {reason}"
    hint = (
        "save what it is made from, or say how with StoredAs; "
        "what cannot be saved (a connection, a client, a logger) belongs in Resources"
    )
    return Problem("TF603", text, hint, side="value")


def stored_by_no_function_problem(parameter: str, given: object) -> Problem:
    """Report a StoredAs of which `to` or `of` cannot be called (TF603)."""
    text = f"StoredAs takes two functions and the stored type, and its {quoted(parameter)} is {type(given).__name__}"
    hint = "write StoredAs(to, of, type): to(instance) returns the stored value, of(stored value) an instance"
    return Problem("TF603", text, hint, side="value")


def resource_in_state_problem(owner: str, field: str, type_: str) -> Problem:
    """Report a Resources class as the type of a state field (TF604)."""
    text = f"field {quoted(field)} of {owner} is {type_}, a Resources class: resources are never saved"
    return Problem("TF604", text, "declare it as the contract's `resources`, read it as data.resources", side="value")


def check_field_name(owner: str, name: str) -> Problem | None:
    """Check that a field's name is free: the layers' own methods have some (TF608)."""
    if not is_reserved(name):
        return None
    text = f"{owner} cannot have a field {quoted(name)}: the name is a method of every layer, or Python's own"
    return Problem("TF608", text, f"rename it, to {quoted(name.strip('_') + '_value')} for instance", side="key")


def refused_option_problem(owner: str, option: str) -> Problem:
    """Report a Struct option that a State or FlowState cannot have (TF609); `option` is a key of `REFUSED_OPTIONS`."""
    shown = f"{option}=False" if option == "forbid_unknown_fields" else option
    return Problem("TF609", f"{owner} cannot be declared with {shown}: {REFUSED_OPTIONS[option]}", f"leave {shown} out")


def changeable_default_problem(owner: str, field: str, default: str, *, is_struct: bool = False) -> Problem:
    """Report a default that all instances would share and can change (TF616); `default` is the name of its class."""
    what = f"{default}(…), which is not frozen" if is_struct else f"a {default} with something in it"
    text = f"field {quoted(field)} of {owner} has as its default {what}, and every {owner} would share it"
    hint = "let a factory make it anew: `msgspec.field(default_factory=lambda: …)`"
    return Problem("TF616", text, f"{hint}, or declare {default} frozen" if is_struct else hint, side="value")


def unresolved_problem(owner: str, name: str, annotation: str, reason: str) -> Problem:
    """Report an annotation that names something that is not there (TF610); no name where all of the class fail."""
    if name:
        text = f"{quoted(name)} of {owner} is annotated {quoted(annotation)}, which cannot be resolved: {reason}"
    else:
        text = f"the annotations of {owner} cannot be evaluated: {reason}"
    return Problem("TF610", text, _hint_of(reason), side="value")


def unresolved_handler_problem(step: str, name: str, annotation: str, reason: str, *, kind: str = "step") -> Problem:
    """Report a handler whose annotation names something that is not there (TF610): a parameter's, or its "return".

    No name where all of its annotations fail; `kind` is what it is: a "step", or a "condition".
    """
    if name:
        what = "the return" if name == "return" else f"parameter {quoted(name)}"
        annotated = f"is annotated {quoted(annotation)}, which cannot be resolved: {reason}"
        text = f"{what} of {kind} {quoted(step)} {annotated}"
    else:
        text = f"the annotations of {kind} {quoted(step)} cannot be evaluated: {reason}"
    return Problem("TF610", text, _hint_of(reason), side="value")


def unresolved_within_problem(said: str, owner: str, name: str, annotation: str, reason: str) -> Problem:
    """Report a handler's type in which an annotation has an undefined name (TF610).

    `said` is a clause like `step 'find' returns Offer`; `owner` is the class with the annotation, empty if none.
    """
    if not owner:
        return Problem("TF610", f"{said}, which cannot be resolved: {reason}", _hint_of(reason), side="value")
    inner = unresolved_problem(owner, name, annotation, reason)
    return Problem("TF610", f"{said}, and {inner.text}", inner.hint, side="value")


def _hint_of(reason: str) -> str:
    """Return a hint for an undefined name; the import error of a lazy import (PEP 810) appears only when it is used."""
    if reason.startswith(("ImportError", "ModuleNotFoundError")):
        return "install the module that the lazy import names, or correct its name"
    if reason.endswith("leads only to itself"):
        return "put it in a container, `list[…]`, or declare a class"
    return "define it before the class, or import it at run time: outside of `if TYPE_CHECKING:`"


REFUSED_MEMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "__init__": "a Struct takes its fields as parameters: give them defaults, or define __post_init__",
        "__new__": "a Struct takes its fields as parameters: give them defaults, or define __post_init__",
        "__slots__": "a Struct has a slot for each of its fields: leave it out",
    }
)
"""Names that the body of a State, FlowState, Resources or Events class cannot define, each with a hint."""


def refused_member_problem(owner: str, name: str) -> Problem:
    """Report a method or attribute that a class body cannot define (TF617); `name` is a key of `REFUSED_MEMBERS`."""
    return Problem("TF617", f"{owner} cannot define {name}", REFUSED_MEMBERS[name], side="key")


def value_without_annotation_problem(owner: str, name: str, type_: str) -> Problem:
    """Report a value in a class body that no annotation makes a field (TF617); `type_` is empty if it is not known."""
    text = f"{quoted(name)} of {owner} has a value and no annotation: it is no field"
    shown = type_ or "…"
    hint = f"write `{name}: {shown} = …`, or `{name}: ClassVar[{shown}] = …` for a constant of the class"
    return Problem("TF617", text, hint, side="key")


def is_private(name: str) -> bool:
    """Return whether a name in a class body begins with an underscore: it cannot be taken for a field."""
    return name.startswith("_")


def refused_decorator_problem(owner: str, decorator: str) -> Problem:
    """Report a decorator that makes another kind of record of a class (TF617)."""
    return Problem("TF617", f"{owner} cannot be made a {decorator}: it is a Struct", f"take @{decorator} away")


def check_bases(owner: str, kinds: Mapping[str, str], layouts: Mapping[str, Sequence[str]]) -> Problem | None:
    """Check that the bases of a class can be combined (TF617).

    `kinds` has the part that a base stands for: "state", "flow_state", "resources" or "events"; empty for others.
    `layouts` has for each base, in order, the classes that add fields or slots: itself first, then its own bases. Of
    two bases one has to build on the other, because an instance has one layout (CPython's rule of "solid" bases).
    """
    layers = {name: kind for name, kind in kinds.items() if kind}
    if len(set(layers.values())) > 1:
        shown = " and ".join(_LAYER_BASES[kind] for kind in dict.fromkeys(layers.values()))
        text = f"{owner} cannot be both {shown}: its bases are {listed(kinds)}"
        return Problem("TF617", text, "declare one class for each kind")
    widest, layout = "", ()  # type: tuple[str, Sequence[str]]
    for name, own in layouts.items():
        if not own or own[0] in layout:
            continue
        if layout and layout[0] not in own:
            text = f"{owner} cannot have the bases {listed([widest, name])}: each has fields or slots of its own"
            hint = f"inherit from one of them, and declare the fields of the other in {owner}"
            return Problem("TF617", text, hint)
        widest, layout = name, own
    return None


def refused_base_problem(owner: str, base: str, defines: str) -> Problem:
    """Report a base that defines what a Struct cannot have (TF617); `defines` is `__init__` or `__new__`."""
    text = f"{owner} cannot have the base {quoted(base)}, which defines {defines}"
    return Problem("TF617", text, "leave it out, and keep what you need of it in a field")


def abstract_base_problem(owner: str, base: str) -> Problem:
    """Report a base with a metaclass of its own, as ABCs and protocols have (TF617)."""
    text = f"{owner} cannot have the base {quoted(base)}, an ABC or a protocol"
    return Problem("TF617", text, "leave it out: a class fits a protocol by its fields, and an ABC by register()")


def failed_class_problem(owner: str, bases: Collection[str], reason: str) -> Problem:
    """Report bases that Python or msgspec refuses for another reason (TF617)."""
    text = f"{owner} cannot have the bases {listed(bases)}: {' '.join(reason.split())}"
    return Problem("TF617", text, "inherit from one of them")


def undeclared_layer_problem(contract: str, layer: str, declared: Collection[str]) -> Problem:
    """Report the use of a layer that the contract does not declare (TF611)."""
    have = [part for part in PARTS if part in declared]
    shown = f", only {listed(have)}" if have else ""
    text = f"contract {quoted(contract)} declares no {layer}{shown}"
    return Problem("TF611", text, f"add `{layer}: …` to {contract}, {PARTS.get(layer, 'one of its parts')}")


def large_flow_state_problem(owner: str, field: str, type_: str) -> Problem:
    """Note a FlowState field that can grow without bound (TF615)."""
    text = f"field {quoted(field)} of {owner} is {type_}, which can grow: a flow_state is for flags and counters"
    return Problem("TF615", text, "keep what belongs to one execution in its State", side="value")


def not_a_contract_problem(given: str) -> Problem:
    """Report an argument that is not a contract class (TF605)."""
    return Problem("TF605", f"a contract is a subclass of Contract, not {given}", "declare `class …(Contract): …`")


def contract_instance_problem(contract: str) -> Problem:
    """Report a call of a contract class (TF605): a contract has no instances."""
    return Problem("TF605", f"contract {quoted(contract)} has no instances", f"use the class: `Flow({contract})`")
