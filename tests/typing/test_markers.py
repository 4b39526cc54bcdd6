from __future__ import annotations

import pytest

from tests.typing.markers import (
    CHECKERS,
    BadMarkerError,
    Checker,
    Finding,
    Marker,
    compare,
    normalise,
    parse_markers,
)

ALL = frozenset(CHECKERS)


@pytest.mark.parametrize(
    "line, markers",
    [
        ("x  # E", [Marker("s.py", 1, "error", ALL)]),
        ("x  # E[mypy, ty]", [Marker("s.py", 1, "error", frozenset({"mypy", "ty"}))]),
        ("x  # R: list[int]", [Marker("s.py", 1, "reveal", ALL, "list[int]")]),
        (
            "x  # R: int  # R[ty]: Any",
            [
                Marker("s.py", 1, "reveal", frozenset({"ty"}), "Any"),
                Marker("s.py", 1, "reveal", ALL - {"ty"}, "int"),
            ],
        ),
        (
            "x  # R: int # E[mypy]",
            [Marker("s.py", 1, "error", frozenset({"mypy"})), Marker("s.py", 1, "reveal", ALL, "int")],
        ),
        ("x  # Errors are elsewhere", []),
        ("x = '# E'", []),
    ],
)
def test_markers_are_read_from_comments(line: str, markers: list[Marker]) -> None:
    assert parse_markers("s.py", line + "\n") == markers


@pytest.mark.parametrize(
    "comment, problem",
    [
        ("# E[mipy]", "s.py:1: no such checker: mipy"),
        ("# E [mypy]", "s.py:1: 'E [mypy]' is no marker"),
        ("# E: text", "s.py:1: 'E: text': a type belongs to R, and to R only"),
        ("# R", "s.py:1: 'R': a type belongs to R, and to R only"),
    ],
)
def test_a_comment_that_only_looks_like_a_marker_is_refused(comment: str, problem: str) -> None:
    with pytest.raises(BadMarkerError) as caught:
        parse_markers("s.py", comment + "\n")
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    "written, normal",
    [
        ("surface.Process[sample.Review, list[str | int], None]", "Process[Review, list[int | str]]"),
        ("Process[Review, int, Each[None]]", "Process[Review, int, Each[None]]"),
        ("a.B | None | a.B", "B | None"),
        ("tuple[int, bytes]", "tuple[int, bytes]"),
        ("Literal[3]?", "Literal[3]"),
        ("def (x: int) -> str", "def (x: int) -> str"),
    ],
)
def test_types_are_compared_in_one_spelling(written: str, normal: str) -> None:
    assert normalise(written) == normal


@pytest.mark.parametrize(
    "checker, markers, findings, differences",
    [
        ("mypy", "x  # E", [Finding("s.py", 1, "error", "bad")], []),
        ("mypy", "x  # E", [], ["s.py:1: mypy reports no error, one was expected"]),
        ("ty", "x", [Finding("s.py", 1, "error", "bad")], ["s.py:1: ty reports an error, none was expected: bad"]),
        ("ty", "x  # E[mypy]", [], []),
        ("ty", "x  # R: int | str", [Finding("s.py", 1, "reveal", "str | int")], []),
        ("ty", "x  # R: int", [Finding("s.py", 1, "reveal", "str")], ["s.py:1: ty gives str, int was expected"]),
        ("ty", "x  # R: int", [], ["s.py:1: ty gives no type, int was expected"]),
        ("ty", "x", [Finding("s.py", 1, "reveal", "str")], ["s.py:1: ty gives str, no type was expected"]),
    ],
)
def test_differences_are_found_in_both_directions(
    checker: Checker, markers: str, findings: list[Finding], differences: list[str]
) -> None:
    assert compare(checker, parse_markers("s.py", markers + "\n"), findings) == differences
