"""The rules of write_back: which parts of a child's result the parent's value, state and flow_state take.

They are checked when the parent is defined. `value` as a whole is replaced by its source. By fields, the next step gets
the value before the child with those fields replaced; if `value` is omitted, it gets the value before the child.
`state` and `flow_state` belong to the parent, so a target must be one that `set` can write: not through a value that
may be None, not into a read-only record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from typedflow.rules.bindings import Binding, Entry, Place, Reporter, Verdict
from typedflow.rules.mappings import Reading, check_fit, find
from typedflow.rules.paths import Resolution, check_writable
from typedflow.rules.problems import Problem
from typedflow.rules.scopes import WRITE_BACK
from typedflow.rules.shape import Shape

S = TypeVar("S", bound=Shape)


def check_write_back(
    mapping: object, parent: Mapping[str, S], child: Mapping[str, S], *, next_value: S | None = None
) -> Verdict[S]:
    """Check a write_back against the parent's scopes (value, state, flow_state) and the child's (result).

    `mapping` None is the default, the result as the value. `next_value` is the parameter type of the
    next step, if known; the verdict's `value` is the type that it receives.
    """
    reading = Reading(WRITE_BACK.default if mapping is None else mapping, WRITE_BACK)
    report = Reporter(WRITE_BACK)
    problems: list[Problem] = list(reading.problems)
    bindings: list[Binding] = []
    value: S | None = None if "value" in reading.unread else parent.get("value")
    whole: Entry | None = None
    for entry in reading.entries:
        found, source = _check_entry(entry, parent, child, report)
        problems += found
        if entry.target == Place("value"):
            whole, value = entry, source
        if entry.source is not None and not found:
            bindings.append(Binding(entry.target, entry.source, entry.keys))
    if value is not None and next_value is not None and not next_value.accepts(value):
        by_fields = any(entry.target.scope == "value" for entry in reading.entries)
        problems.append(_breaks_next_problem(whole, next_value, value, report, by_fields=by_fields))
    if mapping is None:
        problems = [report.of_default(problem) for problem in problems]
    return Verdict(tuple(bindings), tuple(problems), value)


def _check_entry(
    entry: Entry, parent: Mapping[str, S], child: Mapping[str, S], report: Reporter
) -> tuple[list[Problem], S | None]:
    """Check one entry; also return its source's type, if known. The value as a whole accepts any type."""
    target: Resolution[S] | Problem | None = None
    if entry.target != Place("value"):
        target = find(entry.target, parent, report, entry, owner="parent", side="key")
    source: Resolution[S] | Problem | None = None
    if entry.source is not None:
        source = find(entry.source, child, report, entry, owner="child", side="value")
    problems = [found for found in (target, source) if isinstance(found, Problem)]
    if isinstance(target, Resolution):
        problem = check_writable(target, root=entry.target.scope)
        if problem is not None:
            problems.append(report.renumbered(problem, entry.keys, "key"))
        elif isinstance(source, Resolution):
            problem = check_fit(entry, target, source, report, WRITE_BACK)
            problems += [problem] if problem is not None else []
    return problems, source.shape if isinstance(source, Resolution) else None


def _breaks_next_problem(
    whole: Entry | None, takes: Shape, gives: Shape, report: Reporter, *, by_fields: bool
) -> Problem:
    text = f"the next step takes {takes.render()}, and would get {gives.render()}"
    if whole is None and by_fields:
        text = f"{text}, the value as it was before the child but for the fields given"
        return report.at_mapping("11", text, 'give the value as a whole: "value": "result", or a part of the result')
    if whole is None:
        text = f"{text}, the value as it was before the child"
        return report.at_mapping("11", text, 'add to write_back: "value": "result", or a part of the result')
    hint = f"take another part of the result, or put a step in between that makes {takes.render()} of it"
    return report.at("value", "11", whole, text, hint)
