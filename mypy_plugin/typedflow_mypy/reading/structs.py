"""What mypy does not keep of a Struct: its names in the encoding, and its tag.

Only the module that defines the class has its source, so that is read once and kept with the class, in the cache too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from mypy.nodes import (
    MDEF,
    AssignmentStmt,
    CallExpr,
    ClassDef,
    Expression,
    MemberExpr,
    NameExpr,
    StrExpr,
    SymbolNode,
    SymbolTableNode,
    TypeAlias,
    TypeInfo,
    Var,
)
from mypy.types import (
    AnyType,
    Instance,
    RawExpressionType,
    Type,
    TypeOfAny,
    UnboundType,
    UnionType,
    get_proper_type,
)

KEY: Final = "typedflow"
STRUCT: Final = "msgspec.Struct"
READ_ONLY: Final = "__typedflow_read_only__"


def record_encoding(defn: ClassDef, api: Any, *, may_be_frozen: bool = True) -> None:
    """Record in the metadata of a Struct how it is encoded, and whether it is frozen, unless that is refused."""
    info = defn.info
    rename = defn.keywords.get("rename")
    data: dict[str, Any] = {}
    rule = rename.value if isinstance(rename, StrExpr) else _inherited(info, "rename") if rename is None else None
    if rule:
        data["rename"] = rule
    encoded = dict(_encoded(defn, _RULES.get(rule or "", None)))
    if encoded:
        data["encoded"] = encoded
    stored = [name.name for statement, name in annotated(defn) if _may_be_stored(statement.unanalyzed_type, api)]
    if stored:
        data["stored"] = stored
    tag = defn.keywords.get("tag")
    if _is_set(tag) or (tag is None and _inherited(info, "tagged")):
        data["tagged"] = True
    if _is_set(defn.keywords.get("array_like")) or _inherited(info, "array_like"):
        data["array_like"] = True
    frozen = defn.keywords.get("frozen")
    if may_be_frozen and (_is_set(frozen) or (frozen is None and _inherited(info, "frozen"))):
        data["frozen"] = True
        _mark_read_only(info)
    if data:
        info.metadata[KEY] = data


def _mark_read_only(info: TypeInfo) -> None:
    """Add a name that only read-only classes have: the daemon compares nothing else of a class."""
    mark = Var(READ_ONLY)
    mark.info = info
    mark.type = AnyType(TypeOfAny.implementation_artifact)
    mark.is_classvar = True
    mark._fullname = f"{info.fullname}.{READ_ONLY}"
    info.names[READ_ONLY] = SymbolTableNode(MDEF, mark, plugin_generated=True)


def annotated(defn: ClassDef) -> Iterator[tuple[AssignmentStmt, NameExpr]]:
    """Return what a class body annotates, each with its statement."""
    for statement in defn.defs.body:
        if isinstance(statement, AssignmentStmt) and statement.unanalyzed_type is not None:
            for name in statement.lvalues:
                if isinstance(name, NameExpr):
                    yield statement, name


def class_of(node: SymbolNode | None) -> TypeInfo | None:
    """Return the class that a name stands for, through any aliases; None for everything else."""
    if isinstance(node, TypeAlias):
        target = get_proper_type(node.target)
        return target.type if isinstance(target, Instance) else None
    return node if isinstance(node, TypeInfo) else None


def is_struct(info: TypeInfo) -> bool:
    """Return whether a class is a Struct."""
    return any(base.fullname == STRUCT for base in info.mro)


def struct_option(info: TypeInfo, name: str) -> bool:
    """Return whether a Struct is `tagged`, `array_like` or `frozen`."""
    return bool(info.metadata.get(KEY, {}).get(name))


def stored_fields(info: TypeInfo) -> frozenset[str]:
    """Return the fields of a Struct of which the annotation may have a StoredAs: mypy drops what Annotated adds."""
    return frozenset(name for base in info.mro for name in base.metadata.get(KEY, {}).get("stored", ()))


def _may_be_stored(tp: Type | None, api: Any) -> bool:
    """Return whether an annotation, as it is written, has metadata that is a StoredAs, or may be one."""
    tp = get_proper_type(tp)
    if isinstance(tp, UnionType):
        return any(_may_be_stored(item, api) for item in tp.items)
    if not isinstance(tp, UnboundType):
        return False
    if tp.name.rpartition(".")[2] == "Annotated" and any(_is_storing(item, api) for item in tp.args[1:]):
        return True
    sym = api.lookup_qualified(tp.name, tp, suppress_errors=True)
    if sym is not None and isinstance(sym.node, TypeAlias):
        return True  # mypy keeps no metadata of it
    return any(_may_be_stored(item, api) for item in tp.args)


def _is_storing(tp: Type, api: Any) -> bool:
    """Return whether metadata is a StoredAs, or a call or a name of which mypy does not know what it is yet."""
    tp = get_proper_type(tp)
    if not isinstance(tp, UnboundType):
        return isinstance(tp, RawExpressionType) and tp.literal_value is None
    sym = api.lookup_qualified(tp.name, tp, suppress_errors=True)
    node = sym.node if sym is not None else None
    declared = get_proper_type(node.type) if isinstance(node, Var) and node.type is not None else None
    return not isinstance(declared, Instance) or declared.type.name == "StoredAs"


def encoded_names(info: TypeInfo) -> Mapping[str, str]:
    """Return the names in the encoding, where they differ."""
    names: dict[str, str] = {}
    for base in reversed(info.mro):
        names.update(base.metadata.get(KEY, {}).get("encoded", {}))
    return names


def _inherited(info: TypeInfo, name: str) -> Any:
    return next((base.metadata[KEY][name] for base in info.mro[1:] if name in base.metadata.get(KEY, {})), None)


def _is_set(option: Expression | None) -> bool:
    return option is not None and not (isinstance(option, NameExpr) and option.name in ("None", "False"))


def _encoded(defn: ClassDef, rule: Callable[[str], str] | None) -> Any:
    for statement in defn.defs.body:
        if not isinstance(statement, AssignmentStmt) or statement.unanalyzed_type is None:
            continue
        for lvalue in statement.lvalues:
            if isinstance(lvalue, NameExpr):
                encoded = _explicit(statement.rvalue) or (rule(lvalue.name) if rule is not None else lvalue.name)
                if encoded != lvalue.name:
                    yield lvalue.name, encoded


def _explicit(value: Expression) -> str | None:
    """Return the name in `field(name="…")`."""
    if (
        isinstance(value, CallExpr)
        and isinstance(value.callee, (NameExpr, MemberExpr))
        and value.callee.name == "field"
    ):
        for name, expr in zip(value.arg_names, value.args, strict=True):
            if name == "name" and isinstance(expr, StrExpr):
                return expr.value
    return None


def _camel(name: str) -> str:
    first, *rest = name.lstrip("_").split("_")
    return first + "".join(map(str.title, rest))


def _pascal(name: str) -> str:
    return "".join(map(str.title, name.lstrip("_").split("_")))


# msgspec's own rules, for hints only: a name with leading underscores may come out otherwise
_RULES: Final[Mapping[str, Callable[[str], str]]] = {
    "lower": str.lower,
    "upper": str.upper,
    "camel": _camel,
    "pascal": _pascal,
    "kebab": lambda name: name.replace("_", "-"),
}
