"""A stored execution as a tree for the terminal."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import UNSET
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from typedflow.cli.inspection import Shown, questions_of
from typedflow.cli.output import stdout
from typedflow.engine.status import Status

LONGEST: Final = 20
"""Entries of a list or a mapping that are shown before the rest is counted."""
_STYLES: Final = {
    Status.WAITING: "yellow",
    Status.FAILED: "red",
    Status.COMPLETED: "green",
    Status.RUNNING: "blue",
}


def render_tree(shown: Shown, *, full: bool = False) -> str:
    """Return the tree of an execution, and the commands by which it goes on, each on one line.

    Without `full`, long lists are cut and long values are shortened.
    """
    is_terminal = stdout().isatty()
    width = 10_000 if full else max(shutil.get_terminal_size((80, 24)).columns, 40)
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=is_terminal, highlight=False, markup=False)
    console.print(_tree_of(shown, full=full))
    commands = [question.answer_with for question in questions_of(shown)] + [shown.go_on_with]
    lines = [line.rstrip() for line in text.getvalue().splitlines()]
    return "\n".join([*lines, *(command for command in commands if command is not None)]) + "\n"


def _tree_of(shown: Shown, *, full: bool) -> Tree:
    head = Text.assemble(
        shown.execution, "  ", (shown.status.value, _STYLES.get(shown.status, "")), f"  flow '{shown.flow}'"
    )
    tree = Tree(head)
    tree.add(_line(f"contract {shown.contract}, version {shown.version}"))
    tree.add(_line(f"created {shown.created}, saved {shown.saved} (save {shown.sequence})"))
    for name in ("state", "flow_state", "result"):
        value = getattr(shown, name)
        if value is not UNSET:
            _add(tree, name, value, full=full)
    for block in shown.blocks:
        tree.add(_line(f"in {block.node}: {block.done} of {block.total} done, {block.started} started"))
    if shown.why:
        why = tree.add(_line(shown.why))
        for question in shown.interrupts:
            asked = why.add(_line(f"{question.id} ({question.type}), asked by step '{question.step}'"))
            _add(asked, "asks", question.payload, full=full)
        for step in () if shown.status is Status.WAITING else shown.steps:
            why.add(_line(f"step '{step}'"))
    for child in shown.children:
        tree.add(_tree_of(child, full=full))
    return tree


def _add(tree: Tree, name: str, value: Any, *, full: bool) -> None:
    entries: Iterable[tuple[str, Any]]
    if isinstance(value, dict) and value:
        entries = [(str(key), part) for key, part in value.items()]
    elif isinstance(value, list) and value and any(isinstance(part, dict | list) for part in value):
        entries = [(f"[{index}]", part) for index, part in enumerate(value)]
    else:
        tree.add(_line(f"{name}: {msgspec.json.encode(value).decode()}"))
        return
    entries = list(entries)
    branch = tree.add(_line(name))
    kept = entries if full else entries[:LONGEST]
    for key, part in kept:
        _add(branch, key, part, full=full)
    if len(kept) < len(entries):
        branch.add(_line(f"and {len(entries) - len(kept)} more; --full shows all"))


def _line(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")
