"""Paths into a layer: where they lead, what a read gives, what a write takes.

The same checks serve the layers' own methods and the older ones of Data, which name the layer in the method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from mypy.nodes import DictExpr, Expression
from mypy.types import FunctionLike, Instance, Type, get_proper_type

from typedflow.rules.paths import Resolution, check_append, check_delete, check_read, check_write, resolve
from typedflow.rules.problems import Problem
from typedflow.rules.schema import undeclared_layer_problem
from typedflow.rules.writes import wrong_type_problem
from typedflow_mypy.reading.calls import ANY, Call, SignatureCheck
from typedflow_mypy.reading.construction import check_display, is_mapping_for
from typedflow_mypy.reading.literals import says_nothing
from typedflow_mypy.reading.shape import MypyShape, union_of
from typedflow_mypy.reading.surface import contract_of, declared_parts, layer_name, parts, shape_of
from typedflow_mypy.reading.trace import Trace

DYNAMIC = "TF299"
_BASES = ("State", "FlowState", "Layer")

Rule = Callable[[MypyShape, object, str], "Resolution[MypyShape] | Problem"]


class Found(NamedTuple):
    """Where a path leads in one layer."""

    place: Resolution[MypyShape]
    root: str
    may_be_absent: bool
    path: str
    takes: MypyShape | None
    """What a value that is written has to be; of `append`, an item."""


def check_get(call: Call, layer: str = "") -> FunctionLike:
    """Type `get`: what the path leads to, or the default where it may not be there."""
    found = _resolve(call, layer, _reading)
    if not found:
        return call.signature
    types = []
    for one in found:
        types.append(one.place.declared.type)
        if one.may_be_absent:
            types.append(call.default_type(one.place.declared.type))
    return call.with_types(union_of(types) if len(types) > 1 else types[0])


def check_item(call: Call) -> FunctionLike:
    """Type `layer[path]`, which raises where the path is not there now."""
    found = _resolve(call, "", _reading)
    return call.with_types(union_of(one.place.declared.type for one in found)) if found else call.signature


def check_contains(call: Call) -> FunctionLike:
    """Check `path in layer`."""
    _resolve(call, "", _reading)
    return call.signature


def check_set(call: Call, layer: str = "") -> FunctionLike:
    """Check `set` and `layer[path] = value`."""
    return _check_written(call, layer, _writing)


def check_append_to(call: Call, layer: str = "") -> FunctionLike:
    """Check `append`."""
    return _check_written(call, layer, _appending)


def check_reset(call: Call, layer: str = "") -> FunctionLike:
    """Check `delete`."""
    _resolve(call, layer, _deleting)
    return call.signature


def of_layer(check: Callable[[Call, str], FunctionLike], layer: str) -> SignatureCheck:
    """Make the check of one of the older methods of Data, which name their layer."""
    return lambda call: check(call, layer)


def _check_written(call: Call, layer: str, rule: Rule) -> FunctionLike:
    value = call.argument("value")
    found = _resolve(call, layer, rule)
    if not found or value is None:
        return call.signature
    sound = True
    takes: Type = ANY
    for one in found:
        if one.takes is not None:
            target = MypyShape(one.takes.type, call.trace)  # the walk of this value is no part of what is known
            sound = _check_value(call, value, target, one.path, one.root) and sound
            takes = one.takes.type
    if not sound or len(found) != 1:
        return call.with_types(value=ANY)
    call.expected = found[0].takes.type if found[0].takes is not None else None
    return call.with_types(value=takes)


def _check_value(call: Call, value: Expression, target: MypyShape, path: str, root: str) -> bool:
    """Check a value against what a path takes; a mapping may stand for a record. False where mypy must not look."""
    if isinstance(value, DictExpr) and is_mapping_for(target):
        check_display(call, value, target, path, root)
        return False
    given, sound = call.infer(value, target.type)
    if not sound or given == target.type or says_nothing(given) or target.accepts(MypyShape(given, call.trace)):
        return True
    if not is_mapping_for(target, given):
        call.report(wrong_type_problem(path, target.render(), MypyShape(given, call.trace).render(), layer=root), value)
    return False


def _resolve(call: Call, layer: str, rule: Rule) -> list[Found]:
    """Walk all that a path can be, in every layer that the receiver stands for; nothing where one of them is wrong."""
    path = call.argument("path")
    if path is None:
        return []
    base = contract_of(call.receiver) if layer else call.receiver
    found: list[Found] = []
    failed = False
    for text in call.texts(path, DYNAMIC):
        key = ("path", base, layer, rule, text)
        for place in call.ask(key, partial(_find, base, layer, rule, text)):
            if isinstance(place, Problem):
                call.report(place, path)
                failed = True
            else:
                found.append(place)
    return [] if failed else found


def _find(base: Type | None, layer: str, rule: Rule, text: str, trace: Trace) -> list[Found | Problem]:
    found: list[Found | Problem] = []
    for shape in _layers(base, layer, trace):
        if isinstance(shape, Problem):
            found.append(shape)
            continue
        root = layer or _root(shape)
        place = rule(shape, text, root)
        found.append(place if isinstance(place, Problem) else _found(shape, place, root, is_item=rule is _appending))
    return found


def _found(shape: MypyShape, place: Resolution[MypyShape], root: str, *, is_item: bool) -> Found:
    path = ".".join(place.path)
    absent = _may_be_absent(shape, place)
    if is_item:
        return Found(place, root, absent, f"{path}[...]", place.declared.item())
    return Found(place, root, absent, path, place.declared)


def _layers(base: Type | None, layer: str, trace: Trace) -> Iterator[MypyShape | Problem]:
    if not layer:
        # of a bare State nothing is known, and a protocol that stands for one has no paths
        proper = get_proper_type(base)
        if isinstance(proper, Instance) and proper.type.name not in _BASES:
            yield MypyShape(proper, trace)
        return
    for part in parts(base, layer, trace):
        if part.type is None:
            yield undeclared_layer_problem(part.name, layer, declared_parts(part.contract))
        elif (shape := shape_of(part, trace)) is not None:
            yield shape


def _root(shape: MypyShape) -> str:
    proper = get_proper_type(shape.type)
    return layer_name(proper.type) if isinstance(proper, Instance) else "state"


def _may_be_absent(shape: MypyShape, place: Resolution[MypyShape]) -> bool:
    """Return whether a path that the types allow may not be there: through a None, or by a key that may be missing."""
    if place.maybe_none:
        return True
    for end, segment in enumerate(place.path):
        above = resolve(shape, place.path[:end])
        if isinstance(above, Resolution) and above.declared.may_lack(segment):
            return True
    return False


def _reading(shape: MypyShape, text: object, root: str) -> Resolution[MypyShape] | Problem:
    return check_read(shape, text, root=root)


def _writing(shape: MypyShape, text: object, root: str) -> Resolution[MypyShape] | Problem:
    return check_write(shape, text, root=root)


def _appending(shape: MypyShape, text: object, root: str) -> Resolution[MypyShape] | Problem:
    return check_append(shape, text, root=root)


def _deleting(shape: MypyShape, text: object, root: str) -> Resolution[MypyShape] | Problem:
    return check_delete(shape, text, root=root)
