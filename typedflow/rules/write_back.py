"""The rules of write_back: what the parent takes of a child's result, checked where the child is put into its parent.

`value` as a whole is replaced by its source; by fields, the value that the child was given goes on with those fields
replaced, and so does the value as it was where `value` is left out. `state` and `flow_state` are the parent's own, so
a target has to be one that `set` could write: not through a value that may be None, not into a read-only record.
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

    `mapping` None is the default, the result as the value. `next_value` is the type that the step behind takes, where
    it is known; the verdict's `value` is the type that it gets.
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
    """Check one entry; its source's type comes along where there is one. The value as a whole takes any type."""
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
