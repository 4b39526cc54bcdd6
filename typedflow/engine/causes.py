"""Causes: why a token is at its node, as a short text that is the same over retries, re-runs, kills and loads.

A token's key is its node's name and its cause. The cause comes from what made the token, never from a counter of
arrivals: two concurrent branches that finish in another order make the same causes.

| token | its cause |
|---|---|
| at the start, and on the main chain | `MAIN` |
| behind a step, a batch, a match, a child flow | that of the token that the step ran with, or that opened the block |
| of an item of a for_each | from the key of the for_each's token and the index of the item |
| behind a listener | from the key of the step that sent the signal, and the signal's ordinal among its like |
| behind `when(mode="and")` or a collect | from its contributors, in the order of their names |
| behind an answer with `resume_event` | from the key of the paused step |
| behind an event from outside | from the number of the message |
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

MAIN: Final = "0"
"""The cause of what the input of the flow starts."""

DIGEST: Final = 10
"""Bytes of a digest: a million tokens of one execution share a cause with a probability below 1e-12."""


def derive(*parts: object) -> str:
    """Return the cause that follows from some parts: ints and texts, which may hold any character."""
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=DIGEST).hexdigest()


def merge(contributors: Iterable[tuple[str, str]]) -> str:
    """Return the cause of several contributors, each with its name, whatever order they came in."""
    return derive("merged", *sorted(contributors))
