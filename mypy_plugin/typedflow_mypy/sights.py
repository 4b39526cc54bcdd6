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
_OF_PYTHON: Final = ("builtins.", "typing.", "enum.")
"""Where mypy's own stubs are, of which nothing is edited while the daemon runs."""
_PARTS: Final = ("mro", "bases", "metadata", "tuple_type", "typeddict_type")
_PLAIN: Final = (AnyType, NoneType)


class Sight:
    """A class or a type as it was: the values of the attributes that tell whether it was analysed again."""

    __slots__ = ("_attributes", "_holders", "_kept", "_names", "_symbols", "_values", "holds", "round")

    def __init__(self, number: int, seen: TypeInfo | Iterable[Type]) -> None:
        self.round = number
        """When this was looked at last."""
        self.holds = True
        self._holders: list[object] = []
        """What has an attribute that tells, which is at the same place of the next two."""
        self._attributes: list[str] = []
        self._kept: set[tuple[int, str]] = set()
        self._names: dict[str, object] = {}
        if isinstance(seen, TypeInfo):
            self._class(seen)
        else:
            for tp in seen:
                self._mention(tp)
        self._symbols = list(self._names.values())
        self._values = [*map(getattr, self._holders, self._attributes)]

    def look(self, number: int) -> None:
        """Find out whether all is as it was, in a round that it was not looked at in."""
        self.round = number
        self.holds = self.holds and self._is_same()

    def _is_same(self) -> bool:
        """Compare by identity, in loops of C: after each edit that is done for all that is asked of."""
        if len(self._names) != len(self._symbols) or not all(map(is_, self._names.values(), self._symbols)):
            return False
        return all(map(is_, map(getattr, self._holders, self._attributes), self._values))

    def _keep(self, holder: object, name: str) -> None:
        if (id(holder), name) not in self._kept:
            self._kept.add((id(holder), name))
            self._holders.append(holder)
            self._attributes.append(name)

    def _class(self, info: TypeInfo) -> None:
        if info.fullname.startswith(_OF_PYTHON):
            return
        self._keep(info, "names")
        if info.fullname.startswith(INSTALLED):
            return
        for name in _PARTS:
            self._keep(info, name)
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
            if not tp.type.fullname.startswith(_OF_PYTHON):
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
        elif (id(alias), "target") not in self._kept:
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
        """Return what there is to be seen now of these classes, their bases and these types."""
        bases = dict.fromkeys(base for info in classes for base in info.mro)
        return [*map(self._sight, bases), Sight(self.round, types)]

    def hold(self, sights: Iterable[Sight]) -> bool:
        """Return whether all of it is as it was."""
        number = self.round
        for sight in sights:
            if sight.round != number:  # most were looked at for another answer
                sight.look(number)
            if not sight.holds:
                return False
        return True

    def forget(self) -> None:
        """Forget all classes."""
        self._of.clear()

    def _sight(self, info: TypeInfo) -> Sight:
        known = self._of.get(info)
        if known is None or not self.hold((known,)):
            known = self._of[info] = Sight(self.round, info)
        return known
