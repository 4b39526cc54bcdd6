"""What an answer saw of a class or type, and whether that is still there: in mypy's daemon both change in place.

mypy analyses a class anew into a new table of names, which then takes the place of the old one in the same TypeInfo. So
an answer holds as long as the very same tables, symbols and types are in the classes that it stepped through, and in
what these mention. Whatever is not known here never holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Final

from mypy.nodes import Decorator, FuncDef, OverloadedFuncDef, SymbolNode, TypeAlias, TypeInfo, Var
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    LiteralType,
    NoneType,
    Overloaded,
    ProperType,
    TupleType,
    Type,
    TypeAliasType,
    TypedDictType,
    TypeType,
    TypeVarType,
    UnionType,
    get_proper_type,
)

INSTALLED: Final = ("typedflow.", "msgspec.", "builtins.", "typing.", "enum.")
_OF_CLASS: Final = ("names", "mro", "bases", "metadata", "tuple_type", "typeddict_type")
_PLAIN: Final = (AnyType, NoneType)


class Sight:
    """A class or a type as it was: the values of the attributes that tell whether it was analysed again."""

    __slots__ = ("_attributes", "_names", "_symbols", "holds", "round")

    def __init__(self, number: int, seen: TypeInfo | Iterable[Type]) -> None:
        self.round = number
        """When this was looked at last."""
        self.holds = True
        self._attributes: list[tuple[object, str, object]] = []
        self._names: dict[str, object] = {}
        if isinstance(seen, TypeInfo):
            self._class(seen)
        else:
            for tp in seen:
                self._mention(tp)
        self._symbols = list(self._names.values())

    def look(self, number: int) -> bool:
        """Say whether all is as it was; looks at most once in a round."""
        if self.round != number:
            self.round = number
            self.holds = self.holds and self._is_same()
        return self.holds

    def _is_same(self) -> bool:
        if len(self._names) != len(self._symbols) or not all(map(is_, self._names.values(), self._symbols)):
            return False
        return all(getattr(holder, name) is value for holder, name, value in self._attributes)

    def _keep(self, holder: object, name: str) -> None:
        self._attributes.append((holder, name, getattr(holder, name)))

    def _class(self, info: TypeInfo) -> None:
        for name in _OF_CLASS:
            self._keep(info, name)
        if info.fullname.startswith(INSTALLED):
            return
        self._names = info.names  # type: ignore[assignment]  # of symbols, which are compared as they are
        for symbol in info.names.values():
            self._keep(symbol, "node")
            self._node(symbol.node)

    def _node(self, node: SymbolNode | None) -> None:
        if isinstance(node, Decorator):
            self._node(node.var)
            self._node(node.func)
        elif isinstance(node, (Var, FuncDef, OverloadedFuncDef)):
            self._keep(node, "type")
            if node.type is not None and not isinstance(node, FuncDef):
                self._mention(node.type)
        elif isinstance(node, TypeAlias):
            self._keep(node, "target")

    def _mention(self, tp: Type) -> None:
        if isinstance(tp, TypeAliasType):
            self._alias(tp)
        else:
            self._proper(get_proper_type(tp))

    def _proper(self, tp: ProperType) -> None:
        if isinstance(tp, Instance):
            self._keep(tp.type, "names")
            self._keep(tp.type, "bases")
            self._all(tp.args)
        elif isinstance(tp, UnionType):
            self._all(tp.items)
        elif isinstance(tp, TupleType):
            self._all((*tp.items, tp.partial_fallback))
        elif isinstance(tp, TypedDictType):
            self._all((*tp.items.values(), tp.fallback))
        elif isinstance(tp, LiteralType):
            self._mention(tp.fallback)
        elif isinstance(tp, TypeType):
            self._mention(tp.item)
        elif isinstance(tp, TypeVarType):
            self._all((*tp.values, tp.upper_bound))
        elif isinstance(tp, CallableType):
            self._all((*tp.arg_types, tp.ret_type))
        elif isinstance(tp, Overloaded):
            self._all(tp.items)
        elif not isinstance(tp, _PLAIN):
            self.holds = False

    def _alias(self, tp: TypeAliasType) -> None:
        self._all(tp.args)
        alias = tp.alias
        if alias is None:
            self.holds = False
        elif not any(holder is alias for holder, _, _ in self._attributes):
            self._keep(alias, "target")
            self._mention(alias.target)

    def _all(self, types: Iterable[Type]) -> None:
        for tp in types:
            self._mention(tp)


class Sights:
    """What was seen of every class, in rounds: within one no class changes."""

    def __init__(self) -> None:
        self.round = 0
        self._of: dict[TypeInfo, Sight] = {}

    def of(self, classes: Iterable[TypeInfo], types: Iterable[Type]) -> list[Sight]:
        """Give what there is to be seen now of these classes, their bases and these types."""
        bases = dict.fromkeys(base for info in classes for base in info.mro)
        return [*map(self._sight, bases), Sight(self.round, types)]

    def hold(self, sights: Iterable[Sight]) -> bool:
        """Say whether all of it is as it was."""
        number = self.round
        return all(sight.look(number) for sight in sights)

    def forget(self) -> None:
        """Forget all classes."""
        self._of.clear()

    def _sight(self, info: TypeInfo) -> Sight:
        known = self._of.get(info)
        if known is None or not known.look(self.round):
            known = self._of[info] = Sight(self.round, info)
        return known
