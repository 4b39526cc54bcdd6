"""Marks for the open blocks of a `Process`, innermost first; only type checkers see them, nothing makes one."""

from __future__ import annotations

from typing import Generic, final

from typing_extensions import TypeVar

Mode_co = TypeVar("Mode_co", covariant=True)
In = TypeVar("In")
Seen = TypeVar("Seen")
Done_co = TypeVar("Done_co", covariant=True)
Fail_co = TypeVar("Fail_co", covariant=True)
Outer = TypeVar("Outer")


@final
class FirstHit:
    """A match that takes one branch."""


@final
class AllHits:
    """A match that takes every branch that is hit."""


@final
class Each(Generic[Fail_co, Outer]):
    """Inside a for_each: the result of an item that failed (Never, if a failure fails the run), and what is outside."""


@final
class Case(Generic[Mode_co, In, Seen, Done_co, Outer]):
    """Inside a case: what the match gets, what cases by class or value take, and the results of the finished cases.

    `Seen` is Never without such a case. It and `In` are invariant, so that `end_match` can ask for both to be the same.
    """


@final
class Else(Generic[Mode_co, Done_co, Outer]):
    """Inside the else case: what the finished cases give."""
