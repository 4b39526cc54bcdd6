"""Mappings that stand for records: what `set` makes a Struct of, checked entry by entry where it is written out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mypy.nodes import DictExpr, Expression, ListExpr, StarExpr
from mypy.types import Instance, TupleType, Type, TypeAliasType, TypedDictType, UnionType, get_proper_type

from typedflow.rules.writes import undeclared_field_problem, wrong_type_problem
from typedflow_mypy.reading.calls import Call
from typedflow_mypy.reading.literals import says_nothing, texts_of
from typedflow_mypy.reading.shape import MypyShape, flat, is_record

_MAPPING: Final = "typing.Mapping"
_DICTS: Final = frozenset({"builtins.dict", "typing.Mapping", "typing.MutableMapping"})
_LISTS: Final = frozenset({"builtins.list", "typing.Sequence", "typing.MutableSequence"})


def is_mapping_for(target: MypyShape, given: Type | None = None) -> bool:
    """Return whether a mapping, or a value of a given type, can stand for what a path takes."""
    return record_of(target) is not None and (given is None or _is_mapping(given))


def record_of(target: MypyShape) -> MypyShape | None:
    """Return the one record among the members of a type; None where there is none, or where there are several."""
    members = [get_proper_type(item) for item in flat(target.type)]
    found = [member for member in members if _is_record(member)]
    others = [member for member in members if isinstance(member, TypedDictType) or _is_mapping(member)]
    return MypyShape(found[0], target.trace) if len(found) == 1 and not others else None


def check_display(call: Call, display: DictExpr, target: MypyShape, path: str, root: str) -> None:
    """Check a dict display against the record that it is to become."""
    record = record_of(target)
    if record is None:
        return
    given = check_fields(call, display, record, path, root)
    if given is None:
        return
    for field in (record.fields() or {}).values():
        if field.required and field.name not in given:
            child = record.child(field.name)
            expected = child.render() if child is not None else "a value"
            call.report(wrong_type_problem(f"{path}.{field.name}", expected, "nothing", layer=root), display)


def check_fields(call: Call, display: DictExpr, record: MypyShape, path: str, root: str) -> set[str] | None:
    """Check the entries of a display against a record; return their names, None where not all of them are seen."""
    fields = record.fields()
    if fields is None:
        return None
    given: set[str] = set()
    seen = True
    for key, value in display.items:
        names = texts_of(key, call.api, call.trace) if key is not None else None
        seen = seen and names is not None
        for text in names or ():
            given.add(text)
            child = record.child(text)
            if child is None:
                call.report(undeclared_field_problem(text, record.render(), fields), key or display)
                seen = False
            else:
                _check_value(call, value, child, f"{path}.{text}" if path else text, root)
    return given if seen else None


def _check_value(call: Call, value: Expression, target: MypyShape, path: str, root: str) -> None:
    """Check one value of a display; mappings that stand for records in it, and lists, part by part."""
    if isinstance(value, DictExpr) and is_mapping_for(target):
        check_display(call, value, target, path, root)
        return
    parts = _parts(call, value, path)
    inner = _inner(target, _LISTS if isinstance(value, ListExpr) else _DICTS) if parts is not None else None
    if parts is not None and inner is not None:
        for place, part in parts:
            _check_value(call, part, inner, place, root)
        return
    given, sound = call.infer(value, target.type)
    if not sound:
        given, sound = call.infer(value, None)
    shape = MypyShape(given, call.trace)
    if sound and not says_nothing(given) and not target.accepts(shape) and not _may_become(target.type, given):
        call.report(wrong_type_problem(path, target.render(), shape.render(), layer=root), value)


def _parts(call: Call, value: Expression, path: str) -> list[tuple[str, Expression]] | None:
    """Return the items of a display of a list, or of a dict with texts as keys, each with its place."""
    if isinstance(value, ListExpr):
        return [(f"{path}[{at}]", part) for at, part in enumerate(value.items) if not isinstance(part, StarExpr)]
    if not isinstance(value, DictExpr):
        return None
    found: list[tuple[str, Expression]] = []
    for key, part in value.items:
        texts = texts_of(key, call.api, call.trace) if key is not None else ()
        if texts is None:
            return None
        found += [(f"{path}.{text}" if text.isidentifier() else f"{path}[{text!r}]", part) for text in texts]
    return found


def _inner(target: MypyShape, names: frozenset[str]) -> MypyShape | None:
    """Return what a collection holds, where one of these is the one thing that is declared beside None."""
    proper = get_proper_type(target.without_none().type)
    if not isinstance(proper, Instance) or proper.type.fullname not in names:
        return None
    if names is _DICTS and not MypyShape(proper, target.trace).is_open():
        return None
    return MypyShape(proper.args[-1], target.trace)


def _may_become(target: Type, given: Type) -> bool:
    """Return whether mappings in a value may stand for records in its type, which only their keys could tell."""
    return _holds(given, _is_mapping) and _holds(target, _is_record)


def _holds(tp: Type, is_meant: Callable[[Type], bool], within: tuple[Type, ...] = ()) -> bool:
    if isinstance(tp, TypeAliasType):
        if tp in within:
            return False
        within = (*within, tp)
    proper = get_proper_type(tp)
    if is_meant(proper):
        return True
    if isinstance(proper, (UnionType, TupleType)):
        return any(_holds(item, is_meant, within) for item in proper.items)
    return isinstance(proper, Instance) and any(_holds(item, is_meant, within) for item in proper.args)


def _is_record(given: Type) -> bool:
    tp = get_proper_type(given)
    if isinstance(tp, TupleType):
        return tp.partial_fallback.type.is_named_tuple
    return isinstance(tp, Instance) and is_record(tp.type)


def _is_mapping(tp: Type) -> bool:
    proper = get_proper_type(tp)
    if isinstance(proper, TypedDictType):
        return True
    return isinstance(proper, Instance) and any(base.fullname == _MAPPING for base in proper.type.mro)
