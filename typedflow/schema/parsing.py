"""Convert typing forms to kinds: `parse`, and `Scope`, the names and type variables visible to a form."""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import enum
import sys
import threading
import types
import typing
from collections import ChainMap
from collections.abc import Mapping
from typing import Any, Final, cast, get_args, get_origin

import msgspec
import typing_extensions

from typedflow.rules import saving
from typedflow.schema.annotations import ALIASES
from typedflow.schema.deferred import evaluate, without
from typedflow.schema.resolving import NOTHING_UNBOUND, Names, UnresolvedName, has_text, resolve
from typedflow.schema.stored import StoredAs, storing_of
from typedflow.schema.types import (
    ANY,
    COLLECTIONS,
    KINDS,
    MAPPINGS,
    NONE,
    SCALARS,
    AliasOf,
    Anything,
    CollectionOf,
    EnumOf,
    FunctionOf,
    Kind,
    Limits,
    LiteralOf,
    MappingOf,
    NewTypeOf,
    Nothing,
    Opaque,
    RecordOf,
    Scalar,
    Storing,
    TupleOf,
    constrain,
    depth_of,
    union_of,
)

_MAX_NESTED_ARGS: Final = 12
"""Deeper type arguments become Any: `class Node(Generic[T]): child: Node[list[T]]` names endlessly many types."""

_SPECIAL: Final[dict[Any, Kind]] = {
    Any: ANY,
    typing_extensions.Any: ANY,
    object: Anything(dynamic=False),
    None: NONE,
    typing.Never: Nothing(),
    typing.NoReturn: Nothing(),
    typing.LiteralString: Scalar(str),
    typing.Tuple: CollectionOf(tuple, ANY),  # noqa: UP006  # the bare form, which is not `tuple[()]`
    typing.Final: ANY,
    typing.ClassVar: ANY,
    dataclasses.KW_ONLY: ANY,
    msgspec.Struct: Opaque(msgspec.Struct),
}
_QUALIFIERS: Final = frozenset(
    {typing.Final, typing.ClassVar, typing.Required, typing.NotRequired, typing_extensions.ReadOnly}
    | {getattr(typing, "ReadOnly", typing.Final)}
)
_TYPE_VARS: Final = tuple({typing.TypeVar, typing_extensions.TypeVar})


class Unresolved(Exception):
    """A name in an annotation cannot be resolved in the scope of the annotation; `name` is that name.

    `reason` is the reason, by default that the name is not defined.
    """

    def __init__(self, name: str, place: str = "", reason: str = "is not defined") -> None:
        super().__init__(f"'{name}' {reason}{f' where {place} was written' if place else ''}")
        self.name = name
        self.place = place


class Scope(msgspec.Struct, frozen=True):
    """The names and type variables visible to a typing form."""

    variables: Mapping[Any, Kind] = {}
    globals: Names = {}
    locals: Names = {}
    unbound: frozenset[str] = NOTHING_UNBOUND
    """Names that have no value yet; they hide other names."""
    owner: Kind = ANY
    """The kind that `Self` means."""
    place: str = ""

    def evaluate(self, text: str | typing.ForwardRef) -> Any:
        """Return the typing form that a str annotation evaluates to: with module globals first, as in msgspec.

        Strings inside the form are evaluated too; the form may be recursive.
        """
        try:
            form = evaluate(text, dict(without(self.locals, self.unbound)), without(self.globals, self.unbound))
            if isinstance(form, str | typing.ForwardRef) or not has_text(form):
                return form
            names = ChainMap(cast("dict[str, Any]", self.globals), cast("dict[str, Any]", self.locals))
            return resolve(form, {}, names, self.unbound)
        except NameError as error:
            raise Unresolved(error.name or _shown(text), self.place) from None
        except UnresolvedName as error:
            cause = error.__cause__
            if isinstance(cause, NameError):
                raise Unresolved(cause.name or error.text, self.place) from None
            raise Unresolved(error.text, self.place, _raises(cause)) from None
        except Exception as error:
            raise Unresolved(_shown(text), self.place, _raises(error)) from error


def _raises(error: BaseException | None) -> str:
    return f"raises {type(error).__name__} ({error})"


def _shown(text: str | typing.ForwardRef) -> str:
    return text if isinstance(text, str) else text.__forward_arg__


_NO_SCOPE: Final = Scope()
_parsed: dict[Any, Kind] = {}


def parse(tp: Any) -> Kind:
    """Return the kind of a typing form; a kind is returned unchanged.

    Raises `Unresolved` for undefined names; anything that is not a type becomes `Opaque` of its class.
    Cached by the form and its text, because `int | None == None | int`.
    """
    if type(tp) in KINDS:
        return cast("Kind", tp)
    text = "" if isinstance(tp, type) else repr(tp)
    if "Optional[" in text:  # its repr does not show the order
        return parse_in(tp, _NO_SCOPE)
    key = (tp, text)
    try:
        found = _parsed.get(key)
        if found is None:
            found = _parsed[key] = parse_in(tp, _NO_SCOPE)
    except TypeError:  # unhashable: Literal[[]], Annotated[int, []]
        return parse_in(tp, _NO_SCOPE)
    return found


def parse_in(tp: Any, scope: Scope) -> Kind:
    """Return the kind of a typing form, with the names and type variables of `scope`."""
    if type(tp) in KINDS:
        return cast("Kind", tp)
    if isinstance(tp, abc.Hashable) and (special := _special(tp)) is not None:
        return special
    if isinstance(tp, type) and not isinstance(tp, types.GenericAlias):
        return _parse_class(tp, ())
    if isinstance(tp, str | typing.ForwardRef):
        return parse_in(scope.evaluate(tp), scope)
    if isinstance(tp, _TYPE_VARS):
        return scope.variables[tp] if tp in scope.variables else _parse_variable(tp, scope)
    if tp is typing.Self or tp is typing_extensions.Self:
        return scope.owner
    if isinstance(tp, (typing.NewType, typing_extensions.NewType)):
        return NewTypeOf(tp, parse_in(tp.__supertype__, Scope(globals=_module_of(tp))))
    if isinstance(tp, ALIASES):
        return alias_of(tp, tuple(parse_in(p, _NO_SCOPE) for p in tp.__type_params__))
    if isinstance(tp, dataclasses.InitVar):
        return parse_in(tp.type, scope)
    return _parse_generic(tp, scope)


def _special(tp: Any) -> Kind | None:
    try:
        return _SPECIAL.get(tp)
    except TypeError:  # hashable by its class, unhashable by its parts
        return None


def _module_of(tp: Any) -> Mapping[str, Any]:
    return vars(sys.modules.get(getattr(tp, "__module__", None) or "", types.ModuleType("")))


def _parse_variable(var: Any, scope: Scope) -> Kind:
    default = getattr(var, "__default__", None)
    if default is not None and default is not typing_extensions.NoDefault:
        return parse_in(default, scope)
    if var.__bound__ is not None:
        return parse_in(var.__bound__, scope)
    if var.__constraints__:
        return union_of(parse_in(c, scope) for c in var.__constraints__)
    return ANY


def _parse_class(cls: Any, args: tuple[Kind, ...]) -> Kind:
    if cls in SCALARS:
        return Scalar(cls)
    if cls in COLLECTIONS or cls is tuple:
        return CollectionOf(cls, args[0] if args else ANY)
    if cls in MAPPINGS:
        return MappingOf(cls, *(args if len(args) == 2 else (ANY, ANY)))
    if cls is abc.Callable:
        return FunctionOf(None, ANY)
    if issubclass(cls, enum.Enum) and len(cls.__members__):
        return EnumOf(cls)
    flavour = flavour_of(cls)
    args = tuple(ANY if depth_of(arg) > _MAX_NESTED_ARGS else arg for arg in args)
    if flavour is None:
        return Opaque(cls, args, storing_of(cls))
    variables = getattr(cls, "__parameters__", ())
    rest = tuple(parse_in(var, _NO_SCOPE) for var in variables[len(args) :] if isinstance(var, _TYPE_VARS))
    return RecordOf(cls, args + rest, flavour)


def flavour_of(cls: type) -> str | None:
    """Return the record flavour of a class; None for a class without declared fields."""
    if isinstance(cls, type(msgspec.Struct)):
        return "struct"
    if typing_extensions.is_typeddict(cls):
        return "typeddict"
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return "namedtuple"
    if dataclasses.is_dataclass(cls):
        return "dataclass"
    return "attrs" if hasattr(cls, "__attrs_attrs__") else None


def _parse_generic(tp: Any, scope: Scope) -> Kind:
    origin, args = get_origin(tp), get_args(tp)
    if origin is typing.Annotated:
        kind = parse_in(args[0], scope)
        for meta in args[1:]:
            if isinstance(meta, msgspec.Meta):
                kind = constrain(kind, Limits(**{name: getattr(meta, name) for name in Limits.__struct_fields__}))
            elif isinstance(meta, StoredAs):
                kind = _stored(args[0], kind, meta, scope)
        return kind
    if origin in (typing.Union, types.UnionType):
        return union_of(parse_in(arg, scope) for arg in args)
    if origin is typing.Literal:
        return LiteralOf(tuple((type(value), value) for value in args))
    if origin in _QUALIFIERS:
        return parse_in(args[0], scope)
    if origin is tuple and not (len(args) == 2 and args[1] is Ellipsis):
        return _parse_tuple(args, scope)
    if origin is abc.Callable:
        return _parse_callable(args, scope)
    inner = tuple(parse_in(arg, scope) for arg in args if arg is not Ellipsis and not isinstance(arg, list))
    if isinstance(origin, ALIASES):
        return alias_of(origin, tuple(ANY if depth_of(arg) > _MAX_NESTED_ARGS else arg for arg in inner))
    return _parse_class(origin, inner) if isinstance(origin, type) else Opaque(type(tp))


def _stored(form: Any, kind: Kind, meta: StoredAs[Any, Any], scope: Scope) -> Kind:
    if not isinstance(kind, Opaque):
        shown = f"Annotated[{getattr(form, '__name__', form)}, StoredAs(…)]"
        raise Unresolved(shown, scope.place, saving.STORED_NATIVELY)
    return Opaque(kind.cls, kind.args, Storing(parse_in(meta.type, scope), meta.to, meta.of))


def _parse_tuple(args: tuple[Any, ...], scope: Scope) -> Kind:
    if any(get_origin(arg) is typing.Unpack or isinstance(arg, typing.TypeVarTuple) for arg in args):
        return CollectionOf(tuple, ANY)
    return TupleOf(tuple(parse_in(arg, scope) for arg in args))


def _parse_callable(args: tuple[Any, ...], scope: Scope) -> Kind:
    if not args:
        return FunctionOf(None, ANY)
    params = tuple(parse_in(p, scope) for p in args[0]) if isinstance(args[0], list) else None
    return FunctionOf(params, parse_in(args[-1], scope))


class _Expanding(threading.local):
    """The aliases that this thread is expanding, to detect one that only refers to itself."""

    def __init__(self) -> None:
        self.aliases: set[AliasOf] = set()


_targets: dict[AliasOf, Kind] = {}
_expanding = _Expanding()


def alias_of(alias: Any, args: tuple[Kind, ...] = ()) -> AliasOf:
    """Return the kind of an alias `type X = …` with these arguments."""
    return AliasOf(alias, args, _expand)


def _expand(alias: AliasOf) -> Kind:
    found = _targets.get(alias)
    if found is not None:
        return found
    name = alias.alias.__name__
    if alias in _expanding.aliases:
        raise Unresolved(name, reason="is an alias that leads only to itself")
    _expanding.aliases.add(alias)
    try:
        variables = dict(zip(alias.alias.__type_params__, alias.args, strict=False))
        scope = Scope(variables, _module_of(alias.alias), place=f"the alias '{name}'")
        target = parse_in(_meaning_of(alias.alias, scope), scope)
        while isinstance(target, AliasOf):
            target = target.target
    finally:
        _expanding.aliases.discard(alias)
    _targets[alias] = target
    return target


def _meaning_of(alias: Any, scope: Scope) -> Any:
    """Return the value of an alias; exceptions of its expression propagate."""
    try:
        return alias.__value__
    except NameError as error:
        raise Unresolved(error.name or alias.__name__, scope.place) from None
    except Exception as error:
        raise Unresolved(alias.__name__, scope.place, _raises(error)) from error
