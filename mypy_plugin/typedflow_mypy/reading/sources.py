"""The source of a module, as Python's own `ast` has it, with an index of what is asked for its flows and handlers.

A plugin cannot walk mypy's trees.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, TypeAlias

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Scope: TypeAlias = ast.Module | Function
FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


@lru_cache(maxsize=1)
def parsed(source: bytes) -> Program | None:
    """Return the program of a module; None if it is of another Python than this one."""
    try:
        return Program(ast.parse(source))
    except (SyntaxError, ValueError):  # of another Python than this one
        return None


class Program:
    """The tree of a module, with an index of what is asked for every flow, chain and handler of it.

    Without the index a module of 40 flows of 20 steps took 14 s, and each further flow more than the one before.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.parents: dict[ast.AST, ast.AST] = {}
        self.reads: dict[str, list[ast.Name]] = {}
        """Where a name is read, in any scope."""
        self.flows: dict[tuple[int, int], tuple[Scope, str]] = {}
        """By the place of a call: the name that its value is assigned to, and the scope of that name."""
        self.functions: dict[tuple[ast.AST, str], list[Function]] = {}
        """The functions that stand in the body of a scope, by their names."""
        self._declared = Counter[str]()
        """Names in `global` and `nonlocal`, which may bind them once more wherever they stand."""
        self._bound: dict[ast.AST, Counter[str]] = {}
        for node in ast.walk(tree):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
                self.reads.setdefault(node.id, []).append(node)
            elif isinstance(node, (ast.Global, ast.Nonlocal)):
                self._declared.update(node.names)
            elif isinstance(node, (ast.Module, *FUNCTIONS)):
                self._index(node)

    def _index(self, scope: Scope) -> None:
        for statement in scope.body:
            if isinstance(statement, FUNCTIONS):
                self.functions.setdefault((scope, statement.name), []).append(statement)
            targets = statement.targets if isinstance(statement, ast.Assign) else ()
            value = getattr(statement, "value", None)
            if isinstance(value, ast.Call):
                name = targets[0] if len(targets) == 1 else getattr(statement, "target", None)
                if isinstance(name, ast.Name):
                    self.flows[value.lineno, value.col_offset] = scope, name.id

    def binds(self, scope: ast.AST, name: str) -> bool:
        """Return True if a scope has a name of its own; a parameter is one."""
        return name in self._names_of(scope)

    def times_bound(self, scope: ast.AST, name: str) -> int:
        """Count what binds a name in a scope."""
        return self._names_of(scope)[name] + self._declared[name]

    def _names_of(self, scope: ast.AST) -> Counter[str]:
        found = self._bound.get(scope)
        if found is None:
            found = self._bound[scope] = Counter(_bound(scope))
        return found

    def reads_in(self, scope: ast.AST, name: str) -> Iterator[ast.Name]:
        """Return where a name of a scope is read, also by functions in it that have no such name of their own."""
        for read in self.reads.get(name, ()):
            here = self.parents[read]
            while here is not scope and here is not self.tree:
                if isinstance(here, (*FUNCTIONS, ast.Lambda)) and self.binds(here, name):
                    break
                here = self.parents[here]
            if here is scope:
                yield read


def _bound(scope: ast.AST) -> Iterator[str]:
    """Return every name as often as a scope binds it; parameters too."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield node.name
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        if not isinstance(node, ast.Lambda):
            yield from _bound(node)
