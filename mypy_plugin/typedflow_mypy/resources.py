"""Resources by key: declared, of their declared type where they are read, of nothing else where they are set."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mypy.nodes import Context, DictExpr, Expression
from mypy.types import FunctionLike, Instance, NoneType, Type, get_proper_type

from typedflow.contract.dynamic import not_literal
from typedflow.contract.problems import Problem
from typedflow.contract.resources import check_declared, no_resources, wrong_class
from typedflow_mypy.calls import ANY, Call, entries, keyword_place
from typedflow_mypy.dependencies import Steps
from typedflow_mypy.literals import says_nothing
from typedflow_mypy.shape import MypyShape, union_of
from typedflow_mypy.surface import contract_of, is_typedflow, owner_name, parts, shape_of

DYNAMIC = "TF199"


def check_require(call: Call) -> FunctionLike:
    """Type `require_resource`: the declared type, less its None."""
    found = _declared(call, call.argument("key"))
    if not found:
        return call.signature
    types = [shape.without_none().type for shape in found]
    return call.with_types(union_of(types) if len(types) > 1 else types[0])


def check_get(call: Call) -> FunctionLike:
    """Type `get_resource` and `get_runtime_resource`: the declared type, or the default in the place of its None."""
    found = _declared(call, call.argument("key"))
    if not found:
        return call.signature
    declared = [shape.without_none().type for shape in found]
    default = call.argument("default")
    return call.with_types(union_of([*declared, call.default_type(default, union_of(declared))]))


def check_set(call: Call) -> FunctionLike:
    """Check `set_resource` and `set_runtime_resource`: key and value."""
    key, value = call.argument("key"), call.argument("value")
    found = _declared(call, key)
    if not found or key is None or value is None:
        return call.signature
    texts = call.texts(key, DYNAMIC)
    sound = [_check_value(call, texts[0], value, shape) for shape in found]
    if len(found) != 1 or not all(sound):
        return call.with_types(value=ANY)
    call.expected = found[0].type
    return call.with_types(value=call.expected)


def check_delete(call: Call) -> FunctionLike:
    """Check the key of `del_resource` and `del_runtime_resource`."""
    _declared(call, call.argument("key"))
    return call.signature


def check_update(call: Call) -> FunctionLike:
    """Check `update_runtime_resources`: keywords, and a mapping in front of them."""
    for key, value in call.keywords():
        _check_entry(call, key, keyword_place(key, value), value)
    given = call.argument("given")
    if given is not None:
        _check_mapping(call, given)
    return call.signature


def check_given(call: Call, argument: str = "runtime_resources") -> None:
    """Check `runtime_resources=…` of a call that makes or starts an execution, or what a test gives a handler."""
    given = call.argument(argument)
    if given is not None:
        _check_mapping(call, given)


def _declared(call: Call, key: Expression | None) -> list[MypyShape]:
    """Give the declared types of all that a key can be, in every contract; none where one of them is not declared."""
    if key is None:
        return []
    found: list[MypyShape | None] = []
    texts = call.texts(key, DYNAMIC)
    for text in texts:
        found += _lookup(call, text, key)
    return [shape for shape in found if shape is not None] if None not in found else []


def _lookup(call: Call, text: str, where: Context) -> Iterator[MypyShape | None]:
    contract = contract_of(call.receiver)
    answer = call.memo.ask(("resource", contract, text), call.steps, partial(_find, contract, text))
    for found in answer:
        if isinstance(found, Problem):
            call.report(found, where)
            yield None
        else:
            yield found


def _find(contract: Type | None, key: str, steps: Steps) -> list[MypyShape | Problem | None]:
    found: list[MypyShape | Problem | None] = []
    for part in parts(contract, "resources", steps):
        if part.type is None:
            found.append(no_resources(part.name))
            continue
        shape = shape_of(part, steps)
        fields = shape.fields() if shape is not None else None
        if shape is not None and fields is not None:
            found.append(check_declared(key, fields, owner=owner_name(part.type)) or shape.child(key))
    return found


def _check_mapping(call: Call, given: Expression) -> None:
    if not isinstance(given, DictExpr):
        if call.settings.strict_dynamic_keys and _is_mapping(call.type_of(given)):
            call.report(not_literal(DYNAMIC), given)
        return
    for key, value in entries(given) or ():
        for text in call.texts(key, DYNAMIC):
            _check_entry(call, text, key, value)


def _check_entry(call: Call, text: str, key: Context, value: Expression) -> None:
    for shape in _lookup(call, text, key):
        if shape is not None:
            _check_value(call, text, value, shape)


def _check_value(call: Call, key: str, value: Expression, shape: MypyShape) -> bool:
    fits, given = call.fits(value, shape.type)
    if not fits:
        call.report(wrong_class(key, shape.render(), MypyShape(given, call.steps).render()), value)
    return fits


def _is_mapping(tp: Type) -> bool:
    proper = get_proper_type(tp)
    is_given_whole = isinstance(proper, Instance) and is_typedflow(proper.type, "Resources")
    return not says_nothing(proper) and not isinstance(proper, NoneType) and not is_given_whole
