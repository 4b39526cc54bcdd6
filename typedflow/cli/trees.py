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

from typedflow.cli.inspection import Shown, shown_questions
from typedflow.cli.output import stdout
from typedflow.cli.progress import question_head, shown_time
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
    commands = [question.answer_with for question in shown_questions(shown)] + [shown.go_on_with]
    given = "".join(f"{command}\n" for command in commands if command is not None)
    return _drawn(_tree_of(shown, full=full), full=full) + given


def render_value(head: str, value: Any) -> str:
    """Return plain data as a tree with a head; nothing is cut."""
    tree = Tree(_line(head))
    for key, part in value.items():
        _add(tree, key, part, full=True)
    return _drawn(tree, full=True)


def _drawn(tree: Tree, *, full: bool) -> str:
    width = 10_000 if full else max(shutil.get_terminal_size((80, 24)).columns, 40)
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=stdout().isatty(), highlight=False, markup=False)
    console.print(tree)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def _tree_of(shown: Shown, *, full: bool) -> Tree:
    head = Text.assemble(
        shown.execution, "  ", (shown.status.value, _STYLES.get(shown.status, "")), f"  flow '{shown.flow}'"
    )
    tree = Tree(head)
    tree.add(_line(f"contract {shown.contract}, version {shown.version}"))
    tree.add(_line(f"created {shown.created}, saved {shown.saved} (save {shown.sequence})"))
    if shown.saves:
        steps = tree.add(_line("last steps, and what they changed"))
        for save in shown.saves:
            changed = f": {', '.join(save.changed)}" if save.changed else ""
            steps.add(_line(f"{', '.join(save.steps)} (save {save.sequence}){changed}"))
    for name in ("state", "flow_state", "result"):
        value = getattr(shown, name)
        if value is not UNSET:
            _add(tree, name, value, full=full)
    if shown.problem is not None:
        tree.add(_line(f"the last worker could not run it: {shown.problem}"))
    for block in shown.blocks:
        tree.add(_line(f"in {block.node}: {block.done} of {block.total} done, {block.started} started"))
    if shown.why:
        why = tree.add(_line(shown.why))
        for question in shown.interrupts:
            asked = why.add(_line(question_head(question)))
            _add(asked, "asks", question.payload, full=full)
        for sleep in shown.sleeps:
            why.add(_line(f"step '{sleep.step}', until {shown_time(sleep.until)} UTC"))
        for child_id in shown.remote:
            why.add(_line(f"execution {child_id}"))
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
