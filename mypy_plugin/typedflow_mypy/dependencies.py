"""What a module's verdict depends on beyond what mypy sees: the classes behind a path that is only a text.

mypy knows of an expression's type and of imported names. `state.get("request.topic")` depends on `Request` too, in
whatever module that is, and on every class between. Two records keep the verdict right: the modules, which mypy stores
in the cache as indirect dependencies, for incremental runs and parallel workers; and fine-grained triggers, for the
daemon. The second is not public in mypy: it is guarded here, and pinned by the edit scenarios of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeVar

from mypy.nodes import MypyFile, TypeInfo
from mypy.options import Options

WILDCARD = "[wildcard]"
T = TypeVar("T")


class Steps:
    """The classes that one check stepped through, whether it found what it looked for or not."""

    __slots__ = ("_counted", "_modules", "classes", "members", "parts")

    def __init__(self) -> None:
        self.classes: dict[TypeInfo, None] = {}
        self.members: set[tuple[TypeInfo, str]] = set()
        self.parts: list[Steps] = []
        """The steps of answers that were known already."""
        self._modules: frozenset[str] = frozenset()
        self._counted = 0

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


class Memo:
    """Answers that are the same wherever they are asked for, with the steps that led to them.

    Not in the daemon, where classes change in place.
    """

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._answers: dict[Hashable, tuple[Any, Steps]] = {}
        self._settled: dict[Hashable, tuple[Any, Steps]] = {}

    def settled(self, check: object, receiver: Hashable, text: str) -> tuple[Any, Steps] | None:
        """Give the answer to a call that has no other argument than a text, and in which nothing was wrong."""
        return self._settled.get((check, receiver, text))

    def settle(self, check: object, receiver: Hashable, text: str, answer: object, steps: Steps) -> None:
        """Keep such an answer."""
        if self._enabled:
            self._settled[check, receiver, text] = (answer, steps)

    def ask(self, key: Hashable, steps: Steps, find: Callable[[Steps], T]) -> T:
        """Give the answer to a question; `find` is asked once, and has to leave its steps in what it is given."""
        if not self._enabled:
            return find(steps)
        known = self._answers.get(key)
        if known is None:
            own = Steps()
            known = self._answers[key] = (find(own), own)
        steps.parts.append(known[1])
        answer: T = known[0]
        return answer


class Dependencies:
    """Collect, for each module that is checked, what its checks stepped through."""

    def __init__(self, options: Options) -> None:
        self._fine_grained = bool(options.fine_grained_incremental or options.cache_fine_grained)
        self._modules: dict[str, set[str]] = {}

    def record(self, api: Any, steps: Steps) -> None:
        """Record the steps of one check in the module, and for the daemon in the target, that `api` is checking."""
        tree = api.tree
        modules = self._modules.get(tree.fullname)
        if modules is None:
            modules = self._modules[tree.fullname] = set()
        for part in steps.parts:
            modules |= part.modules
        if steps.classes:
            modules |= steps.modules
        if self._fine_grained:
            _add_triggers(tree, api, set(_triggers(steps)))

    def record_module(self, module: str, steps: Steps) -> None:
        """Record the steps of a check that was made in semantic analysis."""
        modules = self._modules.setdefault(module, set())
        for part in steps.all():
            modules |= part.modules

    def modules_of(self, file: MypyFile) -> set[str]:
        """Give the modules that a checked module depends on."""
        return self._modules.get(file.fullname, set()) - {file.fullname, "builtins"}


def _triggers(steps: Steps) -> Iterable[str]:
    for part in steps.all():
        for info in part.classes:
            for base in info.mro[:-1]:
                yield base.fullname
                yield base.fullname + WILDCARD
        for info, name in part.members:
            for base in info.mro[:-1]:
                yield f"{base.fullname}.{name}"


def triggers_of(steps: Steps) -> list[str]:
    """Give the names whose change makes a check of these steps stale, sorted."""
    return sorted(set(_triggers(steps)))


def _add_triggers(tree: MypyFile, api: Any, names: set[str]) -> None:
    try:
        tree.alias_deps[api.tscope.current_target()].update(names)
    except (AttributeError, AssertionError):
        # Another mypy keeps them elsewhere: cold and incremental runs stay right by the modules.
        return
