"""What the checks know already: answers that are the same wherever they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from mypy.nodes import MypyFile, TypeInfo
from mypy.state import state
from mypy.types import CallableType, Instance, TupleType, Type, TypeAliasType, TypedDictType, UnionType, get_proper_type

from typedflow_mypy.dependencies import Steps, Targets
from typedflow_mypy.sights import Sights

_MANY: Final = 20_000
"""Answers that the daemon keeps at most."""
T = TypeVar("T")
Known: TypeAlias = tuple[Any, Sequence[Targets]]
"""An answer, and the targets of the module at hand that were given it."""


class Memo:
    """Answers that are the same wherever they are asked for, with the steps that led to them.

    An answer holds in modules that are checked alike: `strict_optional` is the one option of a module that changes what
    a type takes, so it is part of every key, as it is of mypy's own cache of subtypes.

    In the daemon classes change in place: there an answer is given again only as long as all that it saw is as it was,
    which is looked at once after mypy analysed a class or a type, or went on to another module: see `begin`.
    """

    def __init__(self, *, in_daemon: bool) -> None:
        self._in_daemon = in_daemon
        self.tree: object = None
        """The module that is checked."""
        self.analysed: set[str] = set()
        """The names of types that mypy has analysed since the round began: is there one, answers may not hold."""
        self._sights = Sights()
        self._answers: dict[Hashable, tuple[Any, Steps]] = {}
        self._settled: dict[Hashable, tuple[Any, Steps]] = {}
        self.here: dict[Hashable, Known] = {}
        """Those of the settled answers that are known to hold in the module at hand."""
        self.overloads: tuple[object, Hashable, Any, Any] | None = None
        """Of the call at hand: its place, its receiver, and what was found for the first of its overloads."""
        self.fitting: tuple[object, Hashable] | None = None
        """Of the step at hand: its place and its receiver, where the first overload fits, and there are no options."""
        self.declaring: set[tuple[str, Hashable]] = set()
        """The layers that are known to be declared, each with its contract."""
        self.read: dict[str, Type] = {}
        """By the name of a layer, from what it was read last, where that declares it."""

    def settled(self, check: object, receiver: Type, written: Hashable) -> tuple[Any, Steps] | None:
        """Return the answer to a call of which `written` is all that it depends on, and in which nothing was wrong."""
        known = self._settled.get((check, receiver, written, state.strict_optional))
        return known if known is not None and self._holds(known[1]) else None

    def settle(self, check: object, receiver: Type, written: Hashable, answer: object, steps: Steps) -> None:
        """Keep such an answer, unless its text depends on an order that equal receivers differ in."""
        proper = get_proper_type(receiver)
        if isinstance(proper, Instance) and any(map(has_order, proper.args[:1])):
            return
        self._settled[check, receiver, written, state.strict_optional] = (answer, steps)
        if self._in_daemon:
            own = [proper.type] if isinstance(proper, Instance) else []
            classes = [info for part in (steps, *steps.parts) for info in part.classes]
            self._see(steps, [*own, *classes], (receiver,))

    def begin(self, tree: MypyFile) -> None:
        """Begin to check a module, or go on with it."""
        self.tree = tree
        self.analysed.clear()
        self.here.clear()
        self.declaring.clear()
        self.read.clear()
        self.overloads = self.fitting = None
        self._sights.round += 1
        if self._in_daemon and len(self._answers) + len(self._settled) > _MANY:
            # of classes that are gone nothing is asked any more
            self._answers.clear()
            self._settled.clear()
            self._sights.forget()

    def ask(self, key: tuple[Hashable, ...], steps: Steps, find: Callable[[Steps], T]) -> T:
        """Return the answer to a question; `find` is asked once, and has to leave its steps in what it is given."""
        texts = [str(part) for part in key if isinstance(part, Type) and has_order(part)]
        key = (*key, state.strict_optional, *texts)
        known = self._answers.get(key)
        if known is None or not self._holds(known[1]):
            own = Steps()
            known = self._answers[key] = (find(own), own)
            own.is_known = True
            if self._in_daemon:
                self._see(own, own.classes, [part for part in key if isinstance(part, Type)])
        steps.parts.append(known[1])
        answer: T = known[0]
        return answer

    def _holds(self, steps: Steps) -> bool:
        number = self._sights.round
        if self._in_daemon and steps.round != number:
            if not self._sights.hold(steps.sights):
                return False
            steps.round = number
        return True

    def _see(self, steps: Steps, classes: Iterable[TypeInfo], types: Iterable[Type]) -> None:
        steps.sights = self._sights.of(classes, types)
        steps.round = self._sights.round


def has_order(tp: Type) -> bool:
    """Return whether an equal type may be written in another order: a union, or a TypedDict."""
    if isinstance(tp, TypeAliasType) and tp.is_recursive:
        return True
    proper = get_proper_type(tp)
    if isinstance(proper, Instance):
        return any(map(has_order, proper.args))
    return isinstance(proper, (UnionType, TypedDictType, TupleType, CallableType))
