"""Parse paths, resolve them in a shape, and check reads, writes, appends and deletes.

A path is names joined by dots, `request.topic`: each is a field of a Struct, dataclass or NamedTuple, a key of a
TypedDict, or a key of a `dict[str, V]`. Python field names are used, also where an encoding renames them. The checks
accept arguments of any type and never raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias, TypeVar

from typedflow.rules.names import SEGMENT, name_hint
from typedflow.rules.problems import Problem
from typedflow.rules.shape import FieldInfo, Shape
from typedflow.rules.wording import describe, quoted
from typedflow.rules.writes import wrong_type_problem

S = TypeVar("S", bound=Shape)

Path: TypeAlias = tuple[str, ...]
"""The segments of a path, outermost first; the empty one stands for the whole."""

GRAMMAR: Final = "a path is field names joined by dots, like 'request.topic'"


@dataclass(frozen=True, slots=True)
class Resolution(Generic[S]):
    """The target of a path in a shape."""

    path: Path
    declared: S
    """The type at the end, as declared."""
    shape: S
    """The type of a read: `declared`, or its union with None if the path goes through a value that may be None."""
    maybe_none: str = ""
    """The outermost value on the path that may be None, quoted; empty if there is none."""
    owner: str = ""
    """The rendered type of the record that has the last field; empty for the empty path and for a dict key."""
    field: FieldInfo | None = None
    """The last field; None for the empty path and for a dict key, which can always be set and deleted."""


def parse_path(text: object) -> Path | Problem:
    """Return the segments of a path, or the problem of an invalid one (TF201)."""
    if not isinstance(text, str):
        return Problem("TF201", f"a path is a str, not {describe(text)}", GRAMMAR)
    if not text:
        return Problem("TF201", "a path cannot be empty", GRAMMAR)
    segments = tuple(text.split("."))
    for position, segment in enumerate(segments, 1):
        if not segment:
            return Problem("TF201", f"{quoted(text)} is not a path: segment {position} is empty", GRAMMAR)
        if SEGMENT.fullmatch(segment) is None:
            hint = "a path has no indexes: read the list, then index it" if segment.isdigit() else GRAMMAR
            return Problem("TF201", f"{quoted(text)} is not a path: {quoted(segment)} is not a name", hint)
    return segments


def resolve(shape: S, path: Path, *, root: str = "", built: int = 0) -> Resolution[S] | Problem:
    """Resolve a parsed path in a shape (TF202, TF203); `root` is the shape's name in messages: "state".

    `built` is the number of outer values on the path that are being built, so that they cannot be None.
    """
    here, maybe_none = shape, ""
    owner, field = "", None
    for position, segment in enumerate(path):
        if here.is_optional():
            if position >= built:
                maybe_none = maybe_none or _name(path[:position], root)
            here = here.without_none()
        fields = here.fields()
        behind = here.child(segment)
        if behind is None:
            return _leads_nowhere_problem(here, fields, path, position, root)
        field = fields.get(segment) if fields is not None else None
        owner = here.render() if field is not None else ""
        here = behind
    read = here.with_none() if maybe_none and not here.is_optional() else here
    return Resolution(path, here, read, maybe_none, owner, field)


def check_read(shape: S, text: object, *, root: str = "") -> Resolution[S] | Problem:
    """Check `get`, `[...]` and `in`: the path must exist in the types (TF201 to TF203)."""
    path = parse_path(text)
    return path if isinstance(path, Problem) else resolve(shape, path, root=root)


def check_write(shape: S, text: object, value: S | None = None, *, root: str = "") -> Resolution[S] | Problem:
    """Check `set`: the field can be written (TF204, TF205), and accepts values of the type `value` (TF601)."""
    found = check_read(shape, text, root=root)
    if isinstance(found, Problem):
        return found
    problem = check_writable(found, root=root)
    if problem is None and value is not None and not found.declared.accepts(value):
        problem = wrong_type_problem(".".join(found.path), found.declared.render(), value.render(), layer=root)
    return problem or found


def check_append(shape: S, text: object, value: S | None = None, *, root: str = "") -> Resolution[S] | Problem:
    """Check `append`: the target is a list or set (TF206), cannot be None (TF204), and accepts the value (TF601).

    The type of an item is `resolution.declared.item()`. The record around the list may be read-only, because only the
    list changes.
    """
    found = check_read(shape, text, root=root)
    if isinstance(found, Problem):
        return found
    name = ".".join(found.path)
    if found.maybe_none:
        text = f"{quoted(name)} cannot be appended to through {found.maybe_none}, which may be None"
        return Problem("TF204", text, f"write {found.maybe_none} as a whole")
    if found.declared.is_optional() and found.declared.without_none().item() is not None:
        hint = f"set {quoted(name)} to a list, or declare it as a list with the default []"
        return Problem("TF204", f"{quoted(name)} cannot be appended to: it may be None", hint)
    item = found.declared.item()
    if item is None:
        text = f"{quoted(name)} cannot be appended to: it is {found.declared.render()}, no list or set"
        return Problem("TF206", text, "set replaces a value of any type")
    if value is not None and not item.accepts(value):
        return wrong_type_problem(f"{name}[...]", item.render(), value.render(), layer=root)
    return found


def check_delete(shape: S, text: object, *, root: str = "") -> Resolution[S] | Problem:
    """Check `delete`: it restores the field's default, so there must be one (TF207); a dict key needs none."""
    found = check_read(shape, text, root=root)
    if isinstance(found, Problem):
        return found
    return check_writable(found, root=root) or check_resettable(found) or found


def check_resettable(found: Resolution[S]) -> Problem | None:
    """Check that the target of a path has a default (TF207)."""
    if found.field is None or not found.field.required:
        return None
    text = f"{quoted('.'.join(found.path))} cannot be deleted: field {quoted(found.field.name)} of {found.owner}"
    return Problem("TF207", f"{text} has no default", "set a value, or give the field a default")


def check_writable(found: Resolution[S], *, root: str = "") -> Problem | None:
    """Check that the target of a path can be assigned (TF204, TF205)."""
    name = quoted(".".join(found.path))
    if found.maybe_none:
        text = f"{name} cannot be written through {found.maybe_none}, which may be None"
        return Problem("TF204", text, f"write {found.maybe_none} as a whole")
    if found.field is not None and not found.field.writable:
        text = f"{name} cannot be written: {found.owner} is read-only"
        return Problem("TF205", text, f"write {_name(found.path[:-1], root)} as a whole")
    if found.field is not None and found.field.read_only:
        text = f"{name} cannot be written: key {quoted(found.field.name)} of {found.owner} is ReadOnly"
        return Problem("TF205", text, f"write {_name(found.path[:-1], root)} as a whole")
    return None


def _leads_nowhere_problem(
    here: Shape, fields: Mapping[str, FieldInfo] | None, path: Path, position: int, root: str
) -> Problem:
    segment = path[position]
    inside = f", in {quoted('.'.join(path))}" if len(path) > 1 else ""
    if fields is None:
        reached = _name(path[:position], root)
        text = f"{quoted('.'.join(path))} leads nowhere: {reached} is {here.render()}, which has no fields"
        return Problem("TF203", text, f"end the path at {reached}" if position else "")
    renamed = next((field.name for field in fields.values() if field.encoded == segment), None)
    if renamed is not None:
        hint = f"that is its name in the encoding: use the Python name {quoted(renamed)}"
    else:
        hint = name_hint(segment, fields, known="its fields") or "it declares no fields"
    return Problem("TF202", f"{here.render()} has no field {quoted(segment)}{inside}", hint)


def _name(path: Path, root: str) -> str:
    if path:
        return quoted(".".join(path))
    return quoted(root) if root else "the value"
