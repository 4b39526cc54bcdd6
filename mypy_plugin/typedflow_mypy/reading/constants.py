"""Values as they stand in the source, and types in the place of those that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mypy.constant_fold import constant_fold_expr
from mypy.nodes import ClassDef, Expression, NameExpr, RefExpr

from typedflow.rules.wording import OfType
from typedflow_mypy.reading.calls import Call
from typedflow_mypy.reading.literals import value_of
from typedflow_mypy.reading.rendering import render

UNKNOWN: Final = object()
"""What is no constant."""


def constant_of(expr: Expression, module: str) -> object:
    """Return the value of a constant in a module, or of a Final name of any other; `UNKNOWN` for everything else."""
    if isinstance(expr, NameExpr) and expr.fullname == "builtins.None":
        return None
    found: object = constant_fold_expr(expr, module)
    if found is None and isinstance(expr, RefExpr):
        found = value_of(expr.node)
    return UNKNOWN if found is None else found


def keyword_of(defn: ClassDef, name: str, default: object = None) -> object:
    """Return the value of a keyword in the head of a class; `UNKNOWN` where it is computed."""
    given = defn.keywords.get(name)
    return default if given is None else constant_of(given, defn.info.module_name)


def spreads_keywords(defn: ClassDef, path: str) -> bool:
    """Return True if `**keywords` stand in the head of a class, which mypy does not keep: it is read from the file."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    first = defn.defs.body[0] if defn.defs.body else defn
    head = lines[defn.line - 1 : max(first.line - 1, defn.line)]
    return "**" in "\n".join(head)


def shown(call: Call, expr: Expression) -> object:
    """Return what a message shows of an argument: a constant itself, the type of anything else."""
    given = constant_of(expr, call.module)
    return OfType(render(call.type_of(expr))) if given is UNKNOWN else given
