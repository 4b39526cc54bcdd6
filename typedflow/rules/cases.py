"""Problems of `case_type` and `case_value`: what they take, and what a match with them leaves over."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeVar

from typedflow.rules.problems import Problem
from typedflow.rules.wording import describe, quoted

Member = TypeVar("Member")

MOST_CLASSES = 4
"""The number of classes that one `case_type` takes: a type checker needs an overload for each number."""


def left_over(wanted: Iterable[Member], seen: Collection[Member]) -> list[Member]:
    """Return the members of a union that no case takes, in order."""
    return [member for member in wanted if member not in seen]


def class_as_value_problem(shown: str) -> Problem:
    """Report a class given to `case`, which would compare the value with the class itself (TF741)."""
    text = f"case({shown}) would compare the value with the class itself"
    return Problem("TF741", text, f"to match by class, use .case_type({shown})", side="value")


def wrong_class_problem(given: object, hint: str = "") -> Problem:
    """Report an argument of `case_type` that is no class (TF742)."""
    return Problem("TF742", f"case_type takes classes, not {describe(given)}", hint, side="value")


def union_class_problem(members: Collection[str]) -> Problem:
    """Report a union given to `case_type` (TF742)."""
    text = f"case_type takes classes, not the union {' | '.join(members)}"
    return Problem("TF742", text, f"pass them one by one: .case_type({', '.join(members)})", side="value")


def new_type_problem(name: str, base: str) -> Problem:
    """Report a NewType given to `case_type`: its values have the class of its base (TF742)."""
    text = f"case_type takes classes, and {quoted(name)} is a NewType: its values are of class {base}"
    return Problem("TF742", text, "use .case(function), or a Struct of its own", side="value")


def number_of_classes_problem(count: int) -> Problem:
    """Report a `case_type` of no class, or of too many (TF742)."""
    text = f"case_type takes one to four classes, not {count}"
    hint = "split it into several cases" if count else "name the classes of this case: .case_type(Approve)"
    return Problem("TF742", text, hint)


def no_values_problem() -> Problem:
    """Report a `case_value` without values (TF742)."""
    return Problem("TF742", "case_value takes one value or more, not 0", 'name them: .case_value("a", "b")')


def wrong_value_problem(given: object) -> Problem:
    """Report a value given to `case_value` that is no literal (TF742)."""
    text = f"case_value takes literals, enum members and None, not {describe(given)}"
    return Problem("TF742", text, "to compare with another value, use .case(value)", side="value")


def not_covered_problem(left: str) -> Problem:
    """Report a match by class or value that has no case for some members, and no else (TF743)."""
    text = f"this match has no case for {left}"
    return Problem("TF743", text, "add .case_type(…) or .case_value(…) for it, or .case_else()")


def no_case_problem(given: str) -> Problem:
    """Report a value that no case of a match by class or value takes, at run time (TF743)."""
    text = f"no case of this match takes {given}"
    return Problem("TF743", text, "add .case_type(…) or .case_value(…) for it, or .case_else()")


def not_a_member_problem(shown: str, union: str) -> Problem:
    """Report a class or value of a case that no value at the match can have (TF744)."""
    text = f"no value at this match is {shown}: it gets {union}"
    return Problem("TF744", text, "take the case out, or widen the type of the step before", side="value")


def same_class_problem(shown: str, union: str) -> Problem:
    """Report a case whose class is that of several members, which their values do not tell apart (TF744)."""
    text = f"values of {union} have one class, so that case_type({shown}) cannot tell them apart"
    return Problem("TF744", text, "use .case(function), or give each a Struct of its own", side="value")


def repeated_case_problem(shown: str) -> Problem:
    """Report a case by class or value whose values all go to the cases before it (TF744)."""
    text = f"the cases before this one take every value that is {shown}"
    return Problem("TF744", text, "take the case out", side="value")
