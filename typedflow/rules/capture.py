"""The rules of capture: which values of the parent become a child flow's input, state, flow_state and resources.

They are checked when the parent is defined. What each target means, and which targets are required:

- `input` as a whole is the source's value. By fields, the input is built from them: every required field must be
  mapped, the others take their defaults. If `input` is omitted, the child's input is None, which its type must allow.
- `state` by fields: the child's new state takes its defaults, then the fields. Every required field must be mapped.
- A nested target under a required field builds that field from its parts, so all required parts must be mapped.
  Under a field with a default it replaces a part of the default, which therefore must not be None or read-only.
- `flow_state` by fields: they replace those of the child's flow_state; the others keep their defaults.
- `resources` by keys: a required key that is not captured must have a default in the child's flow.

A remote child is an execution of its own, which a worker runs: it takes no resources from its parent, but has those of
the worker, and shares the flow_state of its flow with the other executions of that flow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final, TypeVar

from typedflow.rules.bindings import Binding, Entry, Reporter, Verdict
from typedflow.rules.mappings import Reading, check_fit, find
from typedflow.rules.names import nearest
from typedflow.rules.paths import Path, Resolution, check_writable, resolve
from typedflow.rules.problems import Problem
from typedflow.rules.scopes import CAPTURE
from typedflow.rules.shape import Shape
from typedflow.rules.wording import quoted

S = TypeVar("S", bound=Shape)

_NOT_FROM_AFAR: Final[Mapping[str, tuple[str, str]]] = {
    "resources": (
        "a remote child takes no resources from its parent: a worker runs it, maybe in another process",
        "leave it out, and give the worker a factory: Worker(store, flows, resources={…})",
    ),
    "flow_state": (
        "a remote child takes no flow_state from its parent: it shares that of its flow, as the store keeps it",
        "leave it out, or pass the value in the child's input or state",
    ),
}
"""The scopes of a remote child that are not its parent's to fill, each with the text and the hint."""


def check_capture(
    mapping: object,
    parent: Mapping[str, S],
    child: Mapping[str, S],
    *,
    child_defaults: Collection[str] | None = (),
    remote: bool = False,
) -> Verdict[S]:
    """Check a capture against the parent's scopes (value, state, …) and the child's (input, state, …).

    The scopes contain only the layers that the contracts declare. `mapping` None is the default: the parent's value
    becomes the input. `child_defaults` are the resources that the child's flow supplies itself; None means that they
    are unknown, and the check of required resources is then left to the start of the run. So it is for a `remote`
    child, whose resources the worker makes.
    """
    reading = Reading(CAPTURE.default if mapping is None else mapping, CAPTURE)
    report = Reporter(CAPTURE)
    problems: list[Problem] = list(reading.problems)
    bindings: list[Binding] = []
    for entry in reading.entries:
        found = _check_entry(entry, parent, child, report)
        if remote and not found and entry.target.scope in _NOT_FROM_AFAR:
            found = [report.at_key("18", entry.keys, *_NOT_FROM_AFAR[entry.target.scope])]
        problems += found
        if entry.source is not None and not found:
            bindings.append(Binding(entry.target, entry.source, entry.keys))
    problems += _Completeness(reading, parent, child, report, left_out=mapping is None).check(
        None if remote else child_defaults
    )
    if mapping is None:
        problems = [report.of_default(problem) for problem in problems]
    return Verdict(tuple(bindings), tuple(problems))


def _check_entry(entry: Entry, parent: Mapping[str, S], child: Mapping[str, S], report: Reporter) -> list[Problem]:
    target = find(entry.target, child, report, entry, owner="child", side="key")
    source = None
    if entry.source is not None:
        source = find(entry.source, parent, report, entry, owner="parent", side="value")
    problems = [found for found in (target, source) if isinstance(found, Problem)]
    if isinstance(target, Resolution):
        if entry.target.scope == "flow_state":
            problem = check_writable(target, root="flow_state")
        else:
            problem = check_buildable(child[entry.target.scope], target, root=entry.target.scope)
        if problem is not None:
            problems.append(report.renumbered(problem, entry.keys, "key"))
        elif isinstance(source, Resolution):
            problem = check_fit(entry, target, source, report, CAPTURE)
            problems += [problem] if problem is not None else []
    return problems


def check_buildable(shape: S, target: Resolution[S], *, root: str) -> Problem | None:
    """Check that a nested target can be set in a value that is being built (TF204, TF205).

    A required field on the path is built from its parts, so its type must be a single one. A field with a default
    exists already, and a target below it follows the rules of an ordinary write.
    """
    for length in range(len(target.path)):
        above = resolve(shape, target.path[:length])
        assert isinstance(above, Resolution)  # the target lies behind it
        if above.field is not None and not above.field.required:
            there = resolve(shape, target.path, root=root, built=length)
            return check_writable(there, root=root) if isinstance(there, Resolution) else there
        if above.declared.is_choice():
            holder = quoted(".".join(above.path) or root)
            text = f"{quoted('.'.join(target.path))} cannot be built: {holder} is one of "
            text += f"{above.declared.without_none().render()}, and nothing tells which"
            return Problem("TF205", text, f"give {holder} as a whole")
    return None


class _Completeness:
    """Find the required targets that a capture does not supply, with an entry that would supply each."""

    def __init__(
        self,
        reading: Reading,
        parent: Mapping[str, Shape],
        child: Mapping[str, Shape],
        report: Reporter,
        *,
        left_out: bool,
    ) -> None:
        self._reading = reading
        self._parent = parent
        self._child = child
        self._report = report
        self._left_out = left_out

    def check(self, child_defaults: Collection[str] | None) -> Iterator[Problem]:
        for scope, rule in (("input", "10"), ("state", "11"), ("resources", "12")):
            shape = self._child.get(scope)
            if shape is None or scope in self._reading.unread:
                continue
            given = [entry.target.path for entry in self._reading.entries if entry.target.scope == scope]
            if scope == "input" and not given:
                if not _takes_none(shape):
                    yield self._missing(rule, scope, (), shape)
            elif scope != "resources":
                for path, declared in _missing_fields(shape, given):
                    yield self._missing(rule, scope, path, declared)
            elif child_defaults is not None:
                for path, declared in _missing_fields(shape, given):
                    if path[0] not in child_defaults:
                        yield self._missing(rule, scope, path, declared)

    def _missing(self, rule: str, scope: str, path: Path, declared: Shape) -> Problem:
        what = {"input": "an input", "state": "the state field", "resources": "the resource"}[scope]
        if scope == "input" and path:
            what = "the input field"
        name = f" {quoted('.'.join(path))}" if path else ""
        text = f"the child requires {what}{name} ({declared.render()}), and nothing supplies it"
        line = self._line(scope, path, declared)
        if self._left_out:  # a capture of this line alone would drop the default
            default = ", ".join(f'"{target}": "{source}"' for target, source in CAPTURE.default.items())
            hint = f"give capture={{{default}, {line}}}"
        else:
            hint = f"add to capture: {line}"
        if scope == "resources" and not self._in_parent(path):
            hint += ", and declare it in the parent's resources; or give the child's flow a default"
        return self._report.at_mapping(rule, text, hint)

    def _line(self, scope: str, path: Path, declared: Shape) -> str:
        """Return an entry that supplies the missing target; by fields if no source fits the whole."""
        key, source = self._reading.key_of(scope), self._suggested(scope, path, declared)
        fields = declared.fields() or {}
        if path:
            parts = {".".join(path): source}
        elif source == "…" and fields:
            names = [name for name, field in fields.items() if field.required] or list(fields)[:1]
            parts = {name: self._suggested(scope, (name,), declared.child(name) or declared) for name in names}
        else:
            return f'"{key}": "{source}"'
        inner = ", ".join(f'"{name}": "{found}"' for name, found in parts.items())
        return f'"{key}": {{{inner}}}'

    def _suggested(self, scope: str, path: Path, declared: Shape) -> str:
        """Return a source that fits: a field of the same name, else the value itself, else "…"."""
        if scope == "resources":
            return f"resources.{path[0]}"
        for source in [name for name in CAPTURE.sources[scope] if path and name in self._parent]:
            found = resolve(self._parent[source], path[-1:])
            if isinstance(found, Resolution) and declared.accepts(found.shape):
                return f"{source}.{path[-1]}"
        value = self._parent.get("value")
        return "value" if value is not None and declared.accepts(value) else "…"

    def _in_parent(self, path: Path) -> bool:
        shape = self._parent.get("resources")
        return shape is not None and isinstance(resolve(shape, path), Resolution)


def _takes_none(shape: Shape) -> bool:
    return shape.accepts(shape.with_none())


def _missing_fields(shape: S, given: list[Path], above: Path = ()) -> Iterator[tuple[Path, S]]:
    """Yield the required fields, with their types, that building a value from the paths in `given` would lack.

    The empty path supplies the whole value, so that nothing is missing.
    """
    if () in given:
        return
    inner = shape.without_none() if shape.is_optional() else shape
    below: dict[str, list[Path]] = {}
    fields = inner.fields()
    for name, *rest in given:  # a misspelt field is reported as such; do not report the intended one as missing too
        meant = name if fields is None or name in fields else nearest(name, fields)
        below.setdefault(meant or name, []).append(() if meant != name else tuple(rest))
    names = list(fields) if fields is not None else list(below)
    for name in names:
        field, child = (fields or {}).get(name), inner.child(name)
        if child is None or (field is not None and not field.required):
            continue
        if name in below:
            yield from _missing_fields(child, below[name], (*above, name))
        else:
            yield (*above, name), child
