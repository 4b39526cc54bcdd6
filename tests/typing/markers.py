"""What a typing sample says of its own lines, and how that is compared with what a checker reports.

    data.put(3)  # E                        an error in every checker
    flow.end()   # E[plugin, pyright, ty]   an error in these, and in no other
    reveal_type(x)  # R: list[int]          the type, in every checker
    reveal_type(x)  # R[ty]: list[Any]  # R: list[int]      the type, in one, and in all the others

Types are compared as types, not as text: module names, the order of a union and a trailing `None` block do not count.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

Checker: TypeAlias = Literal["mypy", "plugin", "pyright", "ty", "pyrefly"]
"""`mypy` is mypy alone, `plugin` is mypy with the plugin."""
CHECKERS: Final[tuple[Checker, ...]] = get_args(Checker)

MARKER: Final = re.compile(r"(?P<kind>[ER])(?:\[(?P<checkers>[^\]]*)\])?(?P<type>:.*)?")
LOOKS_LIKE_A_MARKER: Final = re.compile(r"[ER]\b(?!\w)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a checker says of a line: an error (or a warning), or the type it was asked for."""

    file: str
    line: int
    kind: Literal["error", "reveal"]
    text: str


@dataclass(frozen=True, slots=True)
class Marker:
    """One thing that a sample expects of a line, from some of the checkers."""

    file: str
    line: int
    kind: Literal["error", "reveal"]
    checkers: frozenset[str]
    type: str = ""


class BadMarkerError(Exception):
    """Raised for a comment that looks like a marker and is none."""


def parse_markers(file: str, source: str) -> list[Marker]:
    """Return the markers of a sample; a reveal without checkers is for those that the line does not name."""
    markers: list[Marker] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            markers += _parse_comment(file, token.start[0], token.string)
    return markers


def _parse_comment(file: str, line: int, comment: str) -> Iterator[Marker]:
    named: set[str] = set()
    parts = [part.strip() for part in comment.split("#")[1:]]
    for part in sorted(parts, key=lambda part: part.startswith("R:")):
        match = MARKER.fullmatch(part)
        if match is None:
            if LOOKS_LIKE_A_MARKER.match(part):
                raise BadMarkerError(f"{file}:{line}: '{part}' is no marker")
            continue
        names = match["checkers"]
        checkers = frozenset(CHECKERS if names is None else (name.strip() for name in names.split(",")))
        if not checkers <= set(CHECKERS):
            raise BadMarkerError(f"{file}:{line}: no such checker: {', '.join(sorted(checkers - set(CHECKERS)))}")
        if (match["kind"] == "R") != bool(match["type"]):
            raise BadMarkerError(f"{file}:{line}: '{part}': a type belongs to R, and to R only")
        if match["kind"] == "E":
            yield Marker(file, line, "error", checkers)
        else:
            yield Marker(file, line, "reveal", checkers - named, (match["type"] or "")[1:].strip())
            named |= checkers


def compare(checker: Checker, markers: Iterable[Marker], findings: Iterable[Finding]) -> list[str]:
    """Return every line at which a checker and the samples differ, in either direction."""
    mine = [marker for marker in markers if checker in marker.checkers]
    found = list(findings)
    return sorted([*_compare_errors(checker, mine, found), *_compare_types(checker, mine, found)])


def _compare_errors(checker: Checker, markers: list[Marker], findings: list[Finding]) -> Iterator[str]:
    expected = {(marker.file, marker.line) for marker in markers if marker.kind == "error"}
    given = {(finding.file, finding.line): finding.text for finding in reversed(findings) if finding.kind == "error"}
    for file, line in expected - given.keys():
        yield f"{file}:{line}: {checker} reports no error, one was expected"
    for file, line in given.keys() - expected:
        yield f"{file}:{line}: {checker} reports an error, none was expected: {given[file, line]}"


def _compare_types(checker: Checker, markers: list[Marker], findings: list[Finding]) -> Iterator[str]:
    expected = {(marker.file, marker.line): marker.type for marker in markers if marker.kind == "reveal"}
    given = {(finding.file, finding.line): finding.text for finding in findings if finding.kind == "reveal"}
    for place in expected.keys() | given.keys():
        wanted, got = expected.get(place), given.get(place)
        if wanted is None or got is None or normalise(wanted) != normalise(got):
            yield f"{place[0]}:{place[1]}: {checker} gives {got or 'no type'}, {wanted or 'no type'} was expected"


def normalise(written: str) -> str:
    """Return a type in one spelling, whichever checker wrote it; a text that is no expression stays as it is."""
    try:
        tree = ast.parse(written.replace("?", ""), mode="eval").body
    except SyntaxError:
        return written
    return _render(tree)


def _render(node: ast.expr) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case ast.BinOp(op=ast.BitOr()):
            return " | ".join(sorted(set(_members(node))))
        case ast.Subscript(value=base, slice=inner):
            arguments = [_render(item) for item in (inner.elts if isinstance(inner, ast.Tuple) else [inner])]
            name = _render(base)
            if name == "Process" and arguments[2:] == ["None"]:  # no open block: the parameter's default
                del arguments[2:]
            return f"{name}[{', '.join(arguments)}]"
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return f"[{', '.join(_render(item) for item in items)}]"
        case _:
            return ast.unparse(node)


def _members(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _members(node.left)
        yield from _members(node.right)
    else:
        yield _render(node)
