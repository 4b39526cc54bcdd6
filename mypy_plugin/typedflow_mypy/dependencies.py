"""What a module's verdict depends on beyond what mypy sees: the classes behind a path that is only a text.

mypy knows of an expression's type and of imported names. `state.get("request.topic")` depends on `Request` too, in
whatever module that is, and on every class between. Two records keep the verdict right: the modules, which mypy stores
in the cache as indirect dependencies, for incremental runs and parallel workers; and fine-grained triggers, for the
daemon. The second is not public in mypy: it is guarded here, and pinned by the edit scenarios of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from mypy.nodes import MypyFile, TypeInfo
from mypy.options import Options
from mypy.types import Instance, Type, get_proper_type

from typedflow_mypy.sights import INSTALLED, Sight, Sights

WILDCARD = "[wildcard]"
_MANY: Final = 20_000
"""Answers that the daemon keeps at most."""
T = TypeVar("T")


class Steps:
    """The classes that one check stepped through, whether it found what it looked for or not."""

    __slots__ = (
        *("_counted", "_modules", "_named", "_triggers"),
        *("classes", "members", "parts", "round", "settled", "sights"),
    )

    def __init__(self) -> None:
        self.classes: dict[TypeInfo, None] = {}
        self.members: set[tuple[TypeInfo, str]] = set()
        self.parts: list[Steps] = []
        """The steps of answers that were known already."""
        self.sights: Sequence[Sight] = ()
        """In the daemon, what the answer saw, and when that was looked at last."""
        self.round = 0
        self.settled: frozenset[str] | None = None
        """The triggers, those of the parts included, where no step and no part will be added any more."""
        self._modules: frozenset[str] = frozenset()
        self._counted = 0
        self._triggers: frozenset[str] = frozenset()
        self._named = 0

    def through(self, info: TypeInfo, *names: str) -> None:
        """Remember that the answer depends on a class, and on these members of it."""
        self.classes[info] = None
        for name in names:
            self.members.add((info, name))

    def all(self) -> Iterator[Steps]:
        """Give these steps and those of known answers, which have no parts themselves."""
        yield self
        yield from self.parts

    @property
    def modules(self) -> frozenset[str]:
        """Give the modules of the classes, and of their bases; those of the parts not included."""
        if self._counted != len(self.classes):
            self._modules = frozenset(base.module_name for info in self.classes for base in info.mro)
            self._counted = len(self.classes)
        return self._modules

    @property
    def triggers(self) -> frozenset[str]:
        """Give the names whose change makes a check of these steps stale; those of the parts not included."""
        if self._named != len(self.classes) + len(self.members):
            self._triggers = frozenset(_triggers(self))
            self._named = len(self.classes) + len(self.members)
        return self._triggers


class Memo:
    """Answers that are the same wherever they are asked for, with the steps that led to them.

    In the daemon classes change in place: there an answer is given again only as long as all that it saw is as it was,
    which is looked at once after mypy analysed a class or a type, or went on to another module: see `drop` and `enter`.
    """

    def __init__(self, *, in_daemon: bool) -> None:
        self._in_daemon = in_daemon
        self._module = ""
        self._is_stale = False
        self._sights = Sights()
        self._answers: dict[Hashable, tuple[Any, Steps]] = {}
        self._settled: dict[Hashable, tuple[Any, Steps]] = {}
        self.overloads: tuple[object, Hashable, Any, Any] | None = None
        """Of the call at hand: its place, its receiver, and what was found for the first of its overloads."""
        self.fitting: tuple[object, Hashable] | None = None
        """Of the step at hand: its place and its receiver, where the handler fits the first of its overloads."""
        self.declaring: set[tuple[str, Hashable]] = set()
        """The layers that are known to be declared, each with its contract."""
        self.read: dict[str, Type] = {}
        """By the name of a layer, from what it was read last, where that declares it."""

    def settled(self, check: object, receiver: Type, written: Hashable) -> tuple[Any, Steps] | None:
        """Give the answer to a call of which `written` is all that it depends on, and in which nothing was wrong."""
        known = self._settled.get((check, receiver, written))
        return known if known is not None and self._holds(known[1]) else None

    def settle(self, check: object, receiver: Type, written: Hashable, answer: object, steps: Steps) -> None:
        """Keep such an answer."""
        self._settled[check, receiver, written] = (answer, steps)
        if self._in_daemon:
            proper = get_proper_type(receiver)
            own = [proper.type] if isinstance(proper, Instance) else []
            classes = [info for part in steps.all() for info in part.classes]
            self._see(steps, [*own, *classes], (receiver,))
            steps.settled = frozenset().union(*(part.triggers for part in steps.all()))

    def drop(self) -> None:
        """Look again, in the daemon, at what the answers saw."""
        self._is_stale = self._in_daemon

    def enter(self, module: str) -> None:
        """Begin to check a module, or go on with it, in the daemon."""
        if module != self._module:
            self._module = module
            self._is_stale = True
        if self._is_stale:
            self._begin_round()

    def ask(self, key: tuple[Hashable, ...], steps: Steps, find: Callable[[Steps], T]) -> T:
        """Give the answer to a question; `find` is asked once, and has to leave its steps in what it is given."""
        known = self._answers.get(key)
        if known is None or not self._holds(known[1]):
            own = Steps()
            known = self._answers[key] = (find(own), own)
            if self._in_daemon:
                self._see(own, own.classes, [part for part in key if isinstance(part, Type)])
        steps.parts.append(known[1])
        answer: T = known[0]
        return answer

    def _begin_round(self) -> None:
        self._is_stale = False
        self._sights.round += 1
        self.declaring.clear()
        self.read.clear()
        if len(self._answers) + len(self._settled) > _MANY:
            # of classes that are gone nothing is asked any more
            self._answers.clear()
            self._settled.clear()
            self._sights.forget()

    def _holds(self, steps: Steps) -> bool:
        number = self._sights.round
        if steps.round != number:
            if not self._sights.hold(steps.sights):
                return False
            steps.round = number
        return True

    def _see(self, steps: Steps, classes: Iterable[TypeInfo], types: Iterable[Type]) -> None:
        steps.sights = self._sights.of(classes, types)
        steps.round = self._sights.round


class Dependencies:
    """Collect, for each module that is checked, what its checks stepped through."""

    def __init__(self, options: Options) -> None:
        self._fine_grained = bool(options.fine_grained_incremental or options.cache_fine_grained)
        self._modules: dict[str, set[str]] = {}
        self._recorded: set[Steps] = set()
        self._module = ""
        self._names: set[str] = set()
        """The triggers of the target at hand, and the steps that they are of already."""
        self._added: set[Steps] = set()

    def record(self, api: Any, steps: Steps) -> None:
        """Record the steps of one check in the module, and for the daemon in the target, that `api` is checking."""
        tree = api.tree
        module: str = tree.fullname
        if module != self._module:
            self._module = module
            self._recorded.clear()
        if steps not in self._recorded:
            self._recorded.add(steps)
            self.record_module(module, steps)
        if self._fine_grained:
            self._add_triggers(tree, api, steps)

    def _add_triggers(self, tree: MypyFile, api: Any, steps: Steps) -> None:
        try:
            names = tree.alias_deps[api.tscope.current_target()]
        except (AttributeError, AssertionError):
            # Another mypy keeps them elsewhere: cold and incremental runs stay right by the modules.
            return
        if names is not self._names:
            self._names, self._added = names, set()
        if steps in self._added:
            return
        if steps.settled is not None:
            self._added.add(steps)
            names |= steps.settled
            return
        for part in steps.all():
            if part not in self._added:
                self._added.add(part)
                names |= part.triggers

    def record_module(self, module: str, steps: Steps) -> None:
        """Record the steps of a check in a module, as one that is made in semantic analysis has no target."""
        modules = self._modules.setdefault(module, set())
        for part in steps.all():
            modules |= part.modules

    def modules_of(self, file: MypyFile) -> set[str]:
        """Give the modules that a checked module depends on."""
        return self._modules.get(file.fullname, set()) - {file.fullname, "builtins"}


def _triggers(steps: Steps) -> Iterable[str]:
    for info in steps.classes:
        for base in _changing(info):
            yield base
            yield base + WILDCARD
    for info, name in steps.members:
        for base in _changing(info):
            yield f"{base}.{name}"


def _changing(info: TypeInfo) -> list[str]:
    """Name a class and its bases, less those of installed packages that every layer and Struct has."""
    return [base.fullname for base in info.mro[:-1] if not base.fullname.startswith(INSTALLED)]


def triggers_of(steps: Steps) -> list[str]:
    """Give the names whose change makes a check of these steps stale, sorted."""
    return sorted(name for name in frozenset().union(*(part.triggers for part in steps.all())))
