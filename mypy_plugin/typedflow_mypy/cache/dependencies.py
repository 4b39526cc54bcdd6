"""What mypy has to know of the dependency traces: the classes behind a path that is only a text.

mypy knows of an expression's type and of imported names. `state.get("request.topic")` depends on `Request` too, in
whatever module that is, and on every class between. Two records keep the errors of a module right: the modules, which
mypy stores in its cache as indirect dependencies, for incremental runs and parallel workers; and fine-grained triggers,
for the daemon. The second is not public in mypy: it is guarded here, and pinned by the edit scenarios of the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from mypy.checker import DEFAULT_LAST_PASS
from mypy.nodes import MypyFile
from mypy.options import Options

from typedflow_mypy.reading.trace import Trace

_NOT_FOLLOWED: Final = ("builtins", "typing", "types", "sys", "_typeshed")
"""Modules of which mypy keeps no triggers."""


class Targets(Protocol):
    """Where targets are added to, as to a set."""

    def add(self, target: str, /) -> object:
        """Add one."""


class Dependencies:
    """Collect, for each module that is checked, the classes that its checks have visited.

    The triggers go by way of a proxy trigger: each trace has one in each module, which all triggers of the trace lead
    to, and which leads to the targets whose checks have this trace. So one more target costs one entry of a set.
    """

    def __init__(self, options: Options) -> None:
        self._fine_grained = bool(options.fine_grained_incremental or options.cache_fine_grained)
        self._modules: dict[str, set[str]] = {}
        self._module = ""
        self._tree: MypyFile | None = None
        """The module at hand, where its targets are recorded."""
        self._is_again = False
        """Whether mypy checks only some of the module's targets, again."""
        self._proxies: dict[Trace, Targets] = {}
        """The targets of the proxy trigger of each trace that was recorded in the module at hand."""
        self._edges: dict[str, set[str]] = {}
        """Triggers and their targets, which were not reported to mypy yet."""

    def begin(self, api: Any) -> None:
        """Begin to check a module, or go on with it."""
        self._module = api.tree.fullname
        self._proxies.clear()
        self._tree = None
        if self._fine_grained and _target(api.tscope) is not None:
            self._tree = api.tree
            self._is_again = getattr(api, "last_pass", None) != DEFAULT_LAST_PASS

    def record(self, api: Any, trace: Trace) -> None:
        """Record the trace of one check in the module at hand, and for the daemon in the target that `api` is at."""
        for targets in self.record_trace(trace):
            targets.add(api.tscope.current_target())

    def record_trace(self, trace: Trace) -> Sequence[Targets]:
        """Record the trace of a check in the module at hand; in the daemon, return the sets to add its target to."""
        found = []
        for part in (trace, *trace.parts):
            if part.classes:
                proxy = self._proxies.get(part)
                if proxy is None:
                    proxy = self._proxies[part] = self._proxy(self._module, part)
                found.append(proxy)
        return found if self._tree is not None else ()

    def _proxy(self, module: str, trace: Trace) -> Targets:
        """Add edges from all triggers of a trace to its proxy trigger; return the targets of that."""
        self.record_module(module, trace)
        if self._tree is None:
            return set()
        proxy = f"<{module}.({next(iter(trace.classes)).fullname})>"
        if module not in trace.proxied_in:
            trace.proxied_in.add(module)
            for trigger in trace.triggers_in(module):
                self._edges.setdefault(trigger, set()).add(proxy)
        targets = self._edges.setdefault(proxy, set())
        return _RecheckedTargets(targets, self._tree, trace.triggers_in(module)) if self._is_again else targets

    def record_class(self, api: Any, module: str, trace: Trace) -> None:
        """Record the trace of a check that is made in semantic analysis, of a class in the target that `api` is at."""
        self.record_module(module, trace)
        target = _target(api.scope) if self._fine_grained else None
        if target is not None:
            for trigger in trace.triggers_in(module):
                self._edges.setdefault(trigger, set()).add(target)

    def record_module(self, module: str, trace: Trace) -> None:
        """Record a trace in a module, for the next run."""
        modules = self._modules.setdefault(module, set())
        modules |= trace.modules

    def modules_of(self, file: MypyFile) -> set[str]:
        """Return the modules that a checked module depends on."""
        return self._modules.get(file.fullname, set()) - {file.fullname, "builtins"}

    def report_triggers(self, file: MypyFile) -> None:
        """Report the triggers to mypy, with those of a module that was checked as a whole.

        mypy asks no plugin for those of targets that it checks again, after a change elsewhere: they are reported with
        the next module that is checked as a whole, as which every change begins. That is too late if the top level of a
        module gets another dependency, behind a chain of aliases, which changes later in the same update; for functions
        there is `_RecheckedTargets`.
        """
        if file.fullname in _NOT_FOLLOWED:
            return
        for trigger, targets in self._edges.items():
            file.plugin_deps.setdefault(trigger, set()).update(targets)
        self._edges.clear()
        self._proxies.clear()


def _target(scope: Any) -> str | None:
    try:
        found: str = scope.current_target()
    except (AttributeError, AssertionError):
        # Another mypy keeps it elsewhere: cold and incremental runs stay right by the modules.
        return None
    return found


class _RecheckedTargets:
    """The targets of a proxy trigger while mypy checks functions again.

    A target that is added gets the triggers at once, as the next change may come in the same update of the daemon.
    """

    def __init__(self, targets: set[str], tree: MypyFile, triggers: Iterable[str]) -> None:
        self._targets = targets
        self._tree = tree
        self._names = frozenset(trigger[1:-1] for trigger in triggers)

    def add(self, target: str, /) -> None:
        self._targets.add(target)
        self._tree.alias_deps[target] |= self._names
