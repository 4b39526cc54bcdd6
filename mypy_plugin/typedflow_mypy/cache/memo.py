"""`Memo`: the rule cache, the call cache and the module cache. Their answers are the same wherever they are asked for.

They pay: the hooks of 60 modules of 20 handlers, which mypy comes to 17,400 times, take 116 ms. Without the rule cache
it would be 172 ms, without the call and module caches 285 ms, without all of them 823 ms (`benchmarks/mypy_plugin.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Final, TypeAlias, TypeVar, final

from mypy.nodes import MypyFile, TypeInfo
from mypy.state import state
from mypy.types import CallableType, Instance, TupleType, Type, TypeAliasType, TypedDictType, UnionType, get_proper_type

from typedflow_mypy.cache.dependencies import Targets
from typedflow_mypy.cache.fingerprints import Fingerprint, Fingerprints
from typedflow_mypy.reading.trace import Trace

_MOST: Final = 20_000
"""The number of answers that the daemon keeps at most."""
T = TypeVar("T")
Known: TypeAlias = tuple[Any, Sequence[Targets]]
"""An answer, and where the targets that get it in the module at hand are added to."""


@final
class Entry:
    """An answer in a cache, the trace of its check, and in the daemon the fingerprints of what that has visited."""

    __slots__ = ("answer", "fingerprints", "generation", "trace")

    def __init__(self, answer: Any, trace: Trace) -> None:
        self.answer = answer
        self.trace = trace
        self.fingerprints: Sequence[Fingerprint] = ()
        self.generation = 0
        """When they were compared last."""


@final
class Memo:
    """The caches of one run of mypy, or of a daemon.

    An answer holds in modules that are checked alike: `strict_optional` is the one option of a module that changes what
    a type takes, so it is part of every key, as it is of mypy's own cache of subtypes.

    In the daemon classes change in place: there an answer is given again only as long as all fingerprints of it are as
    they were. They are compared once after mypy analysed a class or a type, or went on to another module: see `begin`.
    """

    def __init__(self, *, in_daemon: bool) -> None:
        self._in_daemon = in_daemon
        self.tree: object = None
        """The module that is checked."""
        self.analysed: set[str] = set()
        """The names of types that mypy has analysed since `begin`: while there is one, answers may not hold."""
        self._fingerprints = Fingerprints()
        self._rule_cache: dict[Hashable, Entry] = {}
        """By the question to a rule."""
        self._call_cache: dict[Hashable, Entry] = {}
        """By a check, a receiver and what stands in the call; only of calls in which nothing was wrong."""
        self.module_cache: dict[Hashable, Known] = {}
        """Those answers of the call cache that are known to hold in the module at hand."""
        self.overloads: tuple[object, Hashable, Any, Any] | None = None
        """Of the call at hand: its place, its receiver, and what was found for the first of its overloads."""
        self.fitting: tuple[object, Hashable] | None = None
        """Of the step at hand: its place and its receiver, where the first overload fits, and there are no options."""
        self.declaring: set[tuple[str, Hashable]] = set()
        """The layers that are known to be declared, each with its contract."""
        self.read: dict[str, Type] = {}
        """By the name of a layer, from what it was read last, where that declares it."""

    def known_call(self, check: object, receiver: Type, written: Hashable) -> Entry | None:
        """Return the entry of a call without problems, if there is one; its answer depends on these three only."""
        known = self._call_cache.get((check, receiver, written, state.strict_optional))
        return known if known is not None and self._holds(known) else None

    def keep_call(self, check: object, receiver: Type, written: Hashable, answer: object, trace: Trace) -> None:
        """Cache such an answer, unless its text depends on an order that equal receivers differ in."""
        proper = get_proper_type(receiver)
        if isinstance(proper, Instance) and any(map(has_order, proper.args[:1])):
            return
        entry = self._call_cache[check, receiver, written, state.strict_optional] = Entry(answer, trace)
        if self._in_daemon:
            own = [proper.type] if isinstance(proper, Instance) else []
            classes = [info for part in (trace, *trace.parts) for info in part.classes]
            self._take_fingerprints(entry, [*own, *classes], (receiver,))

    def begin(self, tree: MypyFile) -> None:
        """Begin to check a module, or go on with it."""
        self.tree = tree
        self.analysed.clear()
        self.module_cache.clear()
        self.declaring.clear()
        self.read.clear()
        self.overloads = self.fitting = None
        self._fingerprints.generation += 1
        if self._in_daemon and len(self._rule_cache) + len(self._call_cache) > _MOST:
            # of classes that are gone nothing is asked any more
            self._rule_cache.clear()
            self._call_cache.clear()
            self._fingerprints.forget()

    def ask(self, key: tuple[Hashable, ...], trace: Trace, find: Callable[[Trace], T]) -> T:
        """Return the answer to a question; `find` is asked once, and records what it visits in the trace that it gets.

        That trace becomes a part of `trace`, whether the answer is from the cache or not.
        """
        texts = [str(part) for part in key if isinstance(part, Type) and has_order(part)]
        key = (*key, state.strict_optional, *texts)
        known = self._rule_cache.get(key)
        if known is None or not self._holds(known):
            own = Trace()
            known = self._rule_cache[key] = Entry(find(own), own)
            own.is_closed = True
            if self._in_daemon:
                self._take_fingerprints(known, own.classes, [part for part in key if isinstance(part, Type)])
        trace.parts.append(known.trace)
        answer: T = known.answer
        return answer

    def _holds(self, entry: Entry) -> bool:
        generation = self._fingerprints.generation
        if self._in_daemon and entry.generation != generation:
            if not self._fingerprints.hold(entry.fingerprints):
                return False
            entry.generation = generation
        return True

    def _take_fingerprints(self, entry: Entry, classes: Iterable[TypeInfo], types: Iterable[Type]) -> None:
        entry.fingerprints = self._fingerprints.of(classes, types)
        entry.generation = self._fingerprints.generation


def has_order(tp: Type) -> bool:
    """Return whether an equal type may be written in another order: a union, or a TypedDict."""
    if isinstance(tp, TypeAliasType) and tp.is_recursive:
        return True
    proper = get_proper_type(tp)
    if isinstance(proper, Instance):
        return any(map(has_order, proper.args))
    return isinstance(proper, (UnionType, TypedDictType, TupleType, CallableType))
