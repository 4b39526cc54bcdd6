"""Mappings that stand for records: what `set` makes a Struct of, checked entry by entry where it is written out."""

from __future__ import annotations

from mypy.nodes import DictExpr
from mypy.types import Instance, TupleType, Type, TypedDictType, get_proper_type

from typedflow.contract.writes import undeclared_field, wrong_type
from typedflow_mypy.calls import Call, entries
from typedflow_mypy.literals import says_nothing, texts_of
from typedflow_mypy.shape import MypyShape, flat, is_record

_MAPPING = "typing.Mapping"


def is_mapping_for(target: MypyShape, given: Type | None = None) -> bool:
    """Say whether a mapping, or a value of a given type, can stand for what a path takes."""
    return record_of(target) is not None and (given is None or _is_mapping(given))


def record_of(target: MypyShape) -> MypyShape | None:
    """Give the one record among the members of a type; None where there is none, or where there are several."""
    members = [get_proper_type(item) for item in flat(target.type)]
    found = [member for member in members if _is_record(member)]
    others = [member for member in members if isinstance(member, TypedDictType) or _is_mapping(member)]
    return MypyShape(found[0], target.steps) if len(found) == 1 and not others else None


def check_display(call: Call, display: DictExpr, target: MypyShape, path: str, root: str) -> None:
    """Check a dict display against the record that it is to become."""
    record = record_of(target)
    fields = record.fields() if record is not None else None
    if record is None or fields is None:
        return
    written = entries(display)
    given: set[str] = set()
    for key, value in written or ():
        for text in texts_of(key, call.api) or ():
            given.add(text)
            child = record.child(text)
            if child is None:
                call.report(undeclared_field(text, record.render(), fields), key)
            elif isinstance(value, DictExpr) and is_mapping_for(child):
                check_display(call, value, child, f"{path}.{text}", root)
            else:
                tp, sound = call.infer(value, child.type)
                shape = MypyShape(tp, call.steps)
                if sound and not says_nothing(tp) and not child.accepts(shape) and not is_mapping_for(child, tp):
                    call.report(wrong_type(f"{path}.{text}", child.render(), shape.render(), layer=root), value)
    if written is None or any(texts_of(key, call.api) is None for key, _ in written):
        return
    for field in fields.values():
        if field.required and field.name not in given:
            child = record.child(field.name)
            expected = child.render() if child is not None else "a value"
            call.report(wrong_type(f"{path}.{field.name}", expected, "nothing", layer=root), display)


def _is_record(tp: object) -> bool:
    if isinstance(tp, TupleType):
        return tp.partial_fallback.type.is_named_tuple
    return isinstance(tp, Instance) and is_record(tp.type)


def _is_mapping(tp: Type) -> bool:
    proper = get_proper_type(tp)
    if isinstance(proper, TypedDictType):
        return True
    return isinstance(proper, Instance) and any(base.fullname == _MAPPING for base in proper.type.mro)
