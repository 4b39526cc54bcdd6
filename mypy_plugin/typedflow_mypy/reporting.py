"""Where and how a problem is reported: on the key or the value at fault, in the words of the rule."""

from __future__ import annotations

from typing import Any

from mypy.nodes import Context, Expression, MemberExpr

from typedflow.rules.problems import Problem
from typedflow_mypy.codes import code_of


def report(api: Any, problem: Problem, where: Context) -> None:
    """Report a problem as an error of its rule's code."""
    api.fail(problem.render(), where, code=code_of(problem.number))


def reword(api: Any, problem: Problem, where: Context, begins: tuple[str, ...]) -> None:
    """Report a problem in place of the error that mypy itself has just reported for the same expression.

    `begins` are the beginnings of mypy's message. If it cannot be found, both are reported.
    """
    withdraw(api, where, begins)
    report(api, problem, where)


def is_tried(api: Any) -> bool:
    """Return True if mypy drops what is reported now, as it only tries whether there is an error."""
    try:
        watchers = api.msg.errors._watchers
        return any(watcher._filter is True and watcher._filtered is None for watcher in watchers)
    except AttributeError:
        return False


def withdraw(api: Any, where: Context, begins: tuple[str, ...]) -> None:
    """Remove an error that mypy has just reported for an expression; see `reword`."""
    try:
        errors = api.msg.errors
        # Within a chain mypy first collects what it says of the earlier calls, and passes it on later.
        collected = [watcher._filtered for watcher in errors._watchers if watcher._filtered is not None]
        for found in (*reversed(collected), errors.error_info_map.get(errors.file, [])):
            for position in range(len(found) - 1, max(-1, len(found) - 4), -1):
                info = found[position]
                if info.message.startswith(begins) and info.severity == "error" and _within(info.line, where):
                    del found[position]
                    return
    except (AttributeError, TypeError):
        return


def _within(line: int, where: Context) -> bool:
    return line <= where.line


def method_name_of(expr: Expression, call: Context) -> Context:
    """Return the place of the last name of a chain, `end` of `flow.to(a).end()`: a call begins with its chain."""
    if not isinstance(expr, MemberExpr) or expr.end_line is None or expr.end_column is None:
        return call
    place = Context(expr.end_line, max(0, expr.end_column - len(expr.name)))
    place.end_line, place.end_column = expr.end_line, expr.end_column
    return place
