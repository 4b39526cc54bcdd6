"""Cases by class and by value: what they take, and what a match with them leaves over.

mypy narrows the value by the overloads of `case_type`; the type parameters `In` and `Seen` of the open block say what
the match gets and what its cases take. mypy does not compare the two: that is done here.
"""

from __future__ import annotations

from collections.abc import Iterable

from mypy.erasetype import erase_typevars
from mypy.nodes import ARG_STAR, ARG_STAR2, CallExpr, Expression, NameExpr, OpExpr, TypeInfo
from mypy.subtypes import is_subtype
from mypy.typeops import try_expanding_sum_type_to_union
from mypy.types import (
    AnyType,
    CallableType,
    FunctionLike,
    Instance,
    LiteralType,
    NoneType,
    Overloaded,
    ProperType,
    TupleType,
    Type,
    TypedDictType,
    TypeType,
    TypeVarType,
    UninhabitedType,
    get_proper_type,
)

from typedflow.rules import cases
from typedflow.rules.problems import Problem
from typedflow_mypy.checks.chains import check_close
from typedflow_mypy.reading.calls import ANY, Call, taking_anything
from typedflow_mypy.reading.constants import shown
from typedflow_mypy.reading.rendering import render
from typedflow_mypy.reading.shape import flat, union_of
from typedflow_mypy.reporting import method_name_of


def check_case_type(call: Call) -> FunctionLike:
    """Check the classes of a case against the type at the match."""
    signature = _opened(call)
    if not call.is_sound or not isinstance(call.context, CallExpr):
        return signature
    given = [arg for arg, name in zip(call.context.args, call.context.arg_names, strict=True) if name is None]
    union = _union_at(call)
    if not 1 <= len(given) <= cases.MOST_CLASSES and not any(kind.is_star() for kind in call.context.arg_kinds):
        call.report(cases.number_of_classes_problem(len(given)), method_name_of(call.context.callee, call.context))
        return signature.copy_modified(
            arg_types=[ANY, ANY], arg_kinds=[ARG_STAR, ARG_STAR2], arg_names=[None, None], ret_type=ANY, variables=[]
        )
    for expr in given:
        problem = _class_problem(call, expr, union)
        if problem is not None:
            call.report(problem, expr)
    if call.is_sound and given:
        kinds = [kind for expr in given if (kind := _class_of(call.type_of(expr))) is not None]
        if len(kinds) == len(given):  # else one is of a class that is not known here
            _report_repeated(call, given[0], kinds, union)
    return signature if call.is_sound else taking_anything(signature, ANY)


def check_case_value(call: Call) -> FunctionLike:
    """Check the values of a case against the type at the match; behind it the block knows which of them it takes."""
    signature = _opened(call)
    if not call.is_sound or not isinstance(call.context, CallExpr):
        return signature
    given = [arg for arg, name in zip(call.context.args, call.context.arg_names, strict=True) if name is None]
    if not given:
        call.report(cases.no_values_problem(), method_name_of(call.context.callee, call.context))
    union, taken = _union_at(call), list[Type]()
    for expr in given:
        value = _literal(call, expr)
        if value is None:
            call.report(cases.wrong_value_problem(shown(call, expr)), expr)
        elif value is not ANY and union is not None and not _is_found(value, union):
            call.report(cases.not_a_member_problem(render(value), render(union)), expr)
        taken.append(ANY if value is None else value)
    if call.is_sound and given:
        _report_repeated(call, given[0], [get_proper_type(tp) for tp in taken], union)
    if not call.is_sound:
        return taking_anything(signature, ANY)
    return signature.copy_modified(ret_type=_having_seen(signature.ret_type, _seen(call), taken))


def check_end_match(call: Call) -> FunctionLike:
    """Check the end of a match: that one is open, and that its cases by class and value leave nothing over."""
    signature = check_close(call)
    receiver = call.receiver
    if not call.is_sound or not isinstance(receiver, Instance) or len(receiver.args) != 3:
        return signature
    block = get_proper_type(receiver.args[2])
    if not isinstance(block, Instance) or block.type.name != "Case" or not isinstance(call.context, CallExpr):
        return signature
    mode, union, seen = (get_proper_type(arg) for arg in block.args[:3])
    if not isinstance(mode, Instance) or mode.type.name != "FirstHit" or isinstance(seen, UninhabitedType | AnyType):
        return signature
    if not _is_known(union):
        return signature
    takes = [get_proper_type(member) for member in flat(seen)]
    if any(isinstance(kind, AnyType) for kind in takes):  # of a case that was reported
        return signature
    left = [leaf for leaf in _leaves(union) if not any(_takes(kind, leaf) for kind in takes)]
    if left:
        text = render(_together(left, union))
        call.report(cases.not_covered_problem(text), method_name_of(call.context.callee, call.context))
    return signature


def class_shown(call: Call, condition: Expression) -> str:
    """Return the class that an argument is, as it is written; empty for anything else."""
    found = _class_of(call.type_of(condition))
    return "" if found is None else render(found)


# -- inside


def _opened(call: Call) -> CallableType:
    """Return the signature behind the check that a case may be opened here; a Match has just been opened."""
    receiver = call.receiver
    if isinstance(receiver, Instance) and receiver.type.name == "Match":
        return call.signature
    found = check_close(call)
    return found if isinstance(found, CallableType) else call.signature


def _union_at(call: Call) -> ProperType | None:
    """Return the type of the value at the match, None if nothing is known of it."""
    found = _block_argument(call, 1)
    return found if found is not None and _is_known(found) else None


def _report_repeated(call: Call, expr: Expression, kinds: list[ProperType], union: ProperType | None) -> None:
    """Report a case of a match that takes its first hit whose values all go to the cases before it."""
    mode = _block_argument(call, 0)
    seen = [get_proper_type(tp) for tp in flat(_seen(call))]
    if not isinstance(mode, Instance) or mode.type.name != "FirstHit" or ANY in (*seen, *kinds):
        return
    leaves = [] if union is None else _leaves(union)
    for kind in kinds:
        taken = [leaf for leaf in leaves if _takes(kind, leaf)]
        is_taken = taken and all(any(_takes(before, leaf) for before in seen) for leaf in taken)
        if kind not in seen and not is_taken:
            return
    call.report(cases.repeated_case_problem(render(union_of(kinds))), expr)


def _seen(call: Call) -> ProperType:
    return _block_argument(call, 2) or UninhabitedType()


def _block_argument(call: Call, index: int) -> ProperType | None:
    """Return an argument of the open block; of a Match, which has seen nothing, its own."""
    receiver = call.receiver
    if not isinstance(receiver, Instance):
        return None
    if receiver.type.name == "Match":
        return get_proper_type(receiver.args[2]) if index == 1 else None
    block = get_proper_type(receiver.args[2]) if len(receiver.args) == 3 else None
    return get_proper_type(block.args[index]) if isinstance(block, Instance) and len(block.args) == 5 else None


def _is_known(tp: ProperType) -> bool:
    return not any(isinstance(get_proper_type(member), AnyType | TypeVarType) for member in flat(tp))


def _class_problem(call: Call, expr: Expression, union: ProperType | None) -> Problem | None:
    """Return what is wrong with one class of a case."""
    if isinstance(expr, NameExpr) and expr.fullname == "builtins.None":
        return cases.wrong_class_problem(None, "use .case_type(type(None)), or .case_value(None)")
    if isinstance(expr, OpExpr) and expr.op == "|":
        members = list(_union_members(expr))
        found = [_class_of(call.type_of(member)) for member in members]
        if all(member is not None for member in found):
            return cases.union_class_problem([render(member) for member in found if member is not None])
        return None
    kind = _class_of(call.type_of(expr))
    if kind is None:
        tp = get_proper_type(call.type_of(expr))
        is_class = isinstance(tp, AnyType | TypeType | TypeVarType) or (
            isinstance(tp, FunctionLike) and tp.is_type_obj()
        )
        is_form = isinstance(tp, Instance) and tp.type.fullname in ("types.UnionType", "typing._SpecialForm")
        return None if is_class or is_form else cases.wrong_class_problem(shown(call, expr))
    if isinstance(kind, Instance) and kind.type.is_newtype:
        return cases.new_type_problem(kind.type.name, render(kind.type.bases[0]))
    return None if union is None else _member_problem(kind, union)


def _member_problem(kind: ProperType, union: ProperType) -> Problem | None:
    members = [get_proper_type(member) for member in flat(union)]
    same = [tp for tp in members if not isinstance(tp, LiteralType) and _class_name(tp) == _class_name(kind)]
    if len(same) > 1:
        return cases.same_class_problem(render(kind), render(union_of(same)))
    if any(_takes(kind, leaf) for leaf in _leaves(union)) or any(_may_be(kind, member) for member in members):
        return None
    return cases.not_a_member_problem(render(kind), render(union))


def _may_be(kind: ProperType, member: ProperType) -> bool:
    """Return whether a value of a member may be of a subclass: the runtime takes one of a class that is no record."""
    if not isinstance(member, Instance) or not is_subtype(kind, member):
        return False
    return not any(base.fullname == "msgspec.Struct" or base.dataclass_transform_spec for base in member.type.mro)


def _union_members(expr: Expression) -> Iterable[Expression]:
    if isinstance(expr, OpExpr) and expr.op == "|":
        yield from _union_members(expr.left)
        yield from _union_members(expr.right)
    else:
        yield expr


def _class_of(tp: Type) -> ProperType | None:
    """Return the type of the instances of a class; None for what is no single class."""
    proper = get_proper_type(tp)
    if isinstance(proper, Overloaded):
        proper = proper.items[0]
    if isinstance(proper, CallableType) and proper.is_type_obj():
        return get_proper_type(erase_typevars(proper.ret_type))
    if isinstance(proper, TypeType) and isinstance(proper.item, Instance | NoneType):
        return proper.item
    return None


def _literal(call: Call, expr: Expression) -> ProperType | None:
    """Return the type of a value that is a literal; None where it can be none, Any where that is not known."""
    tp = get_proper_type(call.type_of(expr))
    if isinstance(tp, Instance) and tp.last_known_value is not None:
        return tp.last_known_value
    if isinstance(tp, LiteralType | NoneType):
        return tp
    if isinstance(tp, AnyType):
        return ANY
    names = ("builtins.str", "builtins.int", "builtins.bool", "builtins.bytes")
    is_open = isinstance(tp, Instance) and (tp.type.fullname in names or tp.type.is_enum)
    return ANY if is_open or isinstance(tp, TypeVarType) or len(flat(tp)) > 1 else None


def _is_found(value: ProperType, union: ProperType) -> bool:
    members = (get_proper_type(member) for member in flat(union))
    return any(is_subtype(value, member) for member in members)


def _having_seen(process: Type, seen: ProperType, taken: list[Type]) -> Type:
    """Return the type of a process whose block has seen some values besides."""
    proper = get_proper_type(process)
    if not isinstance(proper, Instance) or len(proper.args) != 3:
        return process
    block = get_proper_type(proper.args[2])
    if not isinstance(block, Instance) or len(block.args) != 5 or any(tp is ANY for tp in taken):
        return process
    before = [] if isinstance(seen, UninhabitedType) else [seen]
    args = [*block.args[:2], union_of([*before, *taken]), *block.args[3:]]
    return proper.copy_modified(args=[*proper.args[:2], block.copy_modified(args=args)])


def _leaves(union: ProperType) -> list[ProperType]:
    """Return each value of an enum, bool or Literal as a type of its own; any other member as it is."""
    expanded = (try_expanding_sum_type_to_union(get_proper_type(member), None) for member in flat(union))
    return [get_proper_type(leaf) for member in expanded for leaf in flat(member)]


def _takes(kind: ProperType, leaf: ProperType) -> bool:
    """Return whether a case takes every value of a member of the union."""
    if isinstance(kind, LiteralType):
        return kind == leaf
    if _class_name(kind) != _class_name(leaf):
        return False
    return is_subtype(leaf, kind)


def _class_name(tp: ProperType) -> str:
    """Return the name of the class that values of a type have at run time."""
    if isinstance(tp, LiteralType):
        return tp.fallback.type.fullname
    if isinstance(tp, NoneType):
        return "None"
    if isinstance(tp, TupleType):
        return tp.partial_fallback.type.fullname
    if isinstance(tp, TypedDictType):
        return "builtins.dict"
    if not isinstance(tp, Instance):
        return str(tp)
    info: TypeInfo = tp.type
    while info.is_newtype:
        info = info.bases[0].type
    return info.fullname


def _together(left: list[ProperType], union: ProperType) -> Type:
    """Return what is left over as one type, with an enum or bool of which nothing was taken as such."""
    found: list[Type] = []
    for member in flat(union):
        inside = _leaves(get_proper_type(member))
        found += [member] if all(leaf in left for leaf in inside) else [leaf for leaf in inside if leaf in left]
    return union_of(found)
