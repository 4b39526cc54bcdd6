"""Types as their user would write them: the texts of `typedflow.schema.render`, made of mypy's types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    Overloaded,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeType,
    TypeVarLikeType,
    UninhabitedType,
    UnionType,
    UnpackType,
    get_proper_type,
)

# Their arguments are always shown; those of other classes only where one of them says something.
_CONTAINERS: Final = frozenset(
    f"{module}.{name}"
    for module, names in {
        "builtins": ("list", "set", "frozenset", "dict"),
        "typing": (
            *("Sequence", "MutableSequence", "AbstractSet", "MutableSet", "Collection", "Iterable"),
            *("Mapping", "MutableMapping"),
        ),
    }.items()
    for name in names
)
_SHOWN_AS: Final = {"typing.AbstractSet": "Set"}


def render(tp: Type) -> str:
    """Return a type without module names: `list[Request | None]`."""
    if isinstance(tp, TypeAliasType) and tp.alias is not None and (tp.alias.python_3_12_type_alias or tp.is_recursive):
        return _applied(tp.alias.name, tp.args)
    proper = get_proper_type(tp)
    if isinstance(proper, Instance):
        return _instance(proper)
    if isinstance(proper, UnionType):
        return " | ".join(_members(proper.items))
    if isinstance(proper, LiteralType):
        return f"Literal[{_literal(proper)}]"
    if isinstance(proper, TupleType):
        return _tuple(proper)
    if isinstance(proper, TypedDictType):
        return proper.fallback.type.name if not proper.is_anonymous() else _anonymous(proper)
    if isinstance(proper, CallableType):
        return _callable(proper)
    if isinstance(proper, TypeType):
        return f"type[{render(proper.item)}]"
    if isinstance(proper, TypeVarLikeType):
        return proper.name
    if isinstance(proper, Overloaded):
        return "overloaded function"
    names = {NoneType: "None", AnyType: "Any", UninhabitedType: "Never"}
    return names.get(type(proper), str(proper))


def _instance(tp: Instance) -> str:
    if tp.type.fullname == "builtins.tuple":
        return f"tuple[{render(tp.args[0])}, ...]" if tp.args else "tuple[Any, ...]"
    name = _SHOWN_AS.get(tp.type.fullname, tp.type.name)
    if tp.type.fullname in _CONTAINERS and tp.args:
        return f"{name}[{', '.join(map(render, tp.args))}]"
    return _applied(name, tp.args)


def _applied(name: str, args: Iterable[Type]) -> str:
    shown = list(args)
    if all(isinstance(get_proper_type(arg), AnyType) for arg in shown):
        return name
    return f"{name}[{', '.join(map(render, shown))}]"


def _members(items: Iterable[Type]) -> Iterable[str]:
    """Return each member once, all literals as the one `Literal[…]` that was written."""
    literals: list[str] = []
    texts: dict[str, None] = {}
    for item in items:
        proper = get_proper_type(item)
        if isinstance(proper, LiteralType):
            if not literals:
                texts[""] = None
            literals.append(_literal(proper))
        else:
            texts[render(item)] = None
    return [text or f"Literal[{', '.join(literals)}]" for text in texts]


def _literal(tp: LiteralType) -> str:
    if tp.fallback.type.is_enum:
        return f"{tp.fallback.type.name}.{tp.value}"
    return repr(tp.value)


def _tuple(tp: TupleType) -> str:
    if tp.partial_fallback.type.fullname != "builtins.tuple":
        return _applied(tp.partial_fallback.type.name, tp.partial_fallback.args)
    if any(isinstance(item, UnpackType) for item in tp.items):
        return "tuple[Any, ...]"
    return f"tuple[{', '.join(map(render, tp.items)) or '()'}]"


def _anonymous(tp: TypedDictType) -> str:
    return "{" + ", ".join(f"'{name}': {render(item)}" for name, item in tp.items.items()) + "}"


def _callable(tp: CallableType) -> str:
    if tp.is_type_obj():
        return f"type[{render(tp.ret_type)}]"
    taken = "..." if tp.is_ellipsis_args else f"[{', '.join(map(render, tp.arg_types))}]"
    return f"Callable[{taken}, {render(tp.ret_type)}]"
