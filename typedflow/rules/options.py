"""The options of flows, steps and executions: what each may be, for the calls that take them and for a checker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import inf
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from typedflow.rules.executions import wrong_choice_problem
from typedflow.rules.flows import duplicate_name_problem, unknown_mode_problem, wrong_option_problem
from typedflow.rules.names import unwritable
from typedflow.rules.problems import Problem
from typedflow.rules.wording import quoted

LONGEST_DURATION: Final = 1e9
"""Seconds, 30 years: what a lease or a wait of a worker may be."""

MatchMode: TypeAlias = Literal["hit_first", "hit_all"]
WhenMode: TypeAlias = Literal["simple_or", "or", "and"]
CollectMode: TypeAlias = Literal["filled_then_empty", "filled_and_update"]
MODES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"match": get_args(MatchMode), "when": get_args(WhenMode), "collect": get_args(CollectMode)}
)
"""The modes of each construct that has any."""

ItemPolicy: TypeAlias = Literal["fail", "collect"]
"""What a for_each does when an item fails; the overloads of `for_each` name each."""

Checkpoint: TypeAlias = Literal["pause", "step"]
CHECKPOINTS: Final[tuple[str, ...]] = get_args(Checkpoint)
"""When an execution with a store is saved: where it comes to rest, or after each step too."""


class Option(NamedTuple):
    """What one option may be."""

    shown: str
    """What messages call it."""
    expected: str
    allows: Callable[[object], bool]
    hint: str = ""

    def refuse(self, given: object) -> Problem:
        """Report a value that it may not be (TF718)."""
        return wrong_option_problem(self.shown, self.expected, given, self.hint)


def is_bound(given: object) -> bool:
    """Return whether a value is a valid concurrency: an int >= 1, or None for no limit."""
    return given is None or (type(given) is int and given >= 1)


def is_timeout(given: object) -> bool:
    """Return whether a value is a valid timeout: a number of seconds >= 0 (not nan), or None for no timeout."""
    return given is None or ((type(given) is int or type(given) is float) and given >= 0)


def within_reach(seconds: float | None) -> float | None:
    """Return a timeout in seconds as a float; None if it never expires (inf, or an int too large for a float)."""
    return None if seconds is None or as_float(seconds) == inf else float(seconds)


def as_float(number: float) -> float:
    """Return a number as a float; inf for an int too large for a float."""
    try:
        return float(number)
    except OverflowError:
        return inf


def is_duration(given: object) -> bool:
    """Return whether a value is a number of seconds above 0 that can be waited for."""
    return (type(given) is int or type(given) is float) and 0 < given <= LONGEST_DURATION


def is_pause(given: object) -> bool:
    """Return whether a value is a number of seconds from 0 that can be waited for."""
    return (type(given) is int or type(given) is float) and 0 <= given <= LONGEST_DURATION


def is_depth(given: object) -> bool:
    """Return whether a value is a valid max_depth."""
    return type(given) is int and given >= 0


def is_size(given: object) -> bool:
    """Return whether a value is a valid size: an int, in bytes."""
    return type(given) is int and given >= 0


def is_flag(given: object) -> bool:
    """Return whether a value is True or False."""
    return isinstance(given, bool)


def is_history(given: object) -> bool:
    """Return whether a value is a valid history: True, False, or a number of revisions from 1."""
    return isinstance(given, bool) or (type(given) is int and given >= 1)


def is_name(given: object) -> bool:
    """Return whether a value is a str, or None for a name that is chosen automatically."""
    return given is None or isinstance(given, str)


def is_attempt(given: object) -> bool:
    """Return whether a value is a valid attempt number."""
    return type(given) is int and given >= 1


def is_key(given: object) -> bool:
    """Return whether a value is a valid idempotency key: a non-empty str, or None for an automatic key."""
    return given is None or (isinstance(given, str) and given != "")


def is_item_policy(given: object) -> bool:
    """Return whether a value says what a for_each does when an item fails."""
    return isinstance(given, str) and given in get_args(ItemPolicy)


def is_text(given: object) -> bool:
    """Return whether a value is a str, for a name that is required."""
    return isinstance(given, str)


_DURATION: Final = "a number of seconds above 0"
CONCURRENCY: Final = Option("concurrency", "a whole number from 1", is_bound, "leave it out for no bound")
TIMEOUT: Final = Option("timeout", "a number of seconds from 0", is_timeout)
SLOTS: Final = Option("concurrency", "a whole number from 1", is_attempt)
MAX_CRASHES: Final = Option("max_crashes", "a whole number from 1", is_attempt)
LEASE: Final = Option("lease", _DURATION, is_duration)
POLL: Final = Option("poll", _DURATION, is_duration)
REQUEUE: Final = Option("requeue", "a number of seconds from 0", is_pause)
GRACE: Final = Option("grace", "a number of seconds from 0", is_pause)
THREAD: Final = Option("thread", "True or False", is_flag)
REMOTE: Final = Option("remote", "True or False", is_flag)
MAX_DEPTH: Final = Option("max_depth", "a whole number from 0", is_depth)
ATTEMPT: Final = Option("attempt", "a whole number from 1", is_attempt)
KEY: Final = Option("key", "a text that is not empty", is_key, "leave it out for one of the step's own")
ON_ITEM_ERROR: Final = Option("on_error of a for_each", "'fail' or 'collect'", is_item_policy)
HISTORY: Final = Option("history", "True, False or a whole number of revisions from 1", is_history)
MAX_BYTES: Final = Option("max_bytes", "a whole number from 0", is_size)
NODE_NAME: Final = Option("the name of a node", "a text", is_name)
FLOW_NAME: Final = Option("the name of a flow", "a text", is_name)
CHUNK_NAME: Final = Option("the name of a chunk", "a text", is_text)
COLLECT_NAME: Final = Option("the name of a collect", "a text", is_text)
BRANCH_NAME: Final = Option("the name of a branch", "a text", is_text)
CASE_NAME: Final = Option("the name of a case", "a text", is_text)
FORMER_NAME: Final = Option("a former name", "a text", is_text)


def check_name(option: Option, given: object) -> Problem | None:
    """Check a name (TF705, TF718): a non-empty str that can be saved, or None for an automatic name."""
    if not isinstance(given, str):
        return check_option(option, given)
    if not given:
        return duplicate_name_problem(option.shown.removeprefix("the name of a "), given)
    reason = unwritable(given)
    return Problem("TF718", f"{option.shown} is {option.expected}, and {quoted(given)} cannot be written: {reason}",
                   side="value") if reason else None  # fmt: skip


def wrong_retry_problem(given: object) -> Problem:
    """Report a `retry` argument that is not a Retry (TF718); the front ends check the class."""
    return wrong_option_problem("retry", "a Retry", given)


def check_option(option: Option, given: object) -> Problem | None:
    """Check the value of an option (TF718)."""
    return None if option.allows(given) else option.refuse(given)


def check_mode(construct: str, given: object) -> Problem | None:
    """Check that a construct has this mode (TF715)."""
    modes = MODES[construct]
    return None if isinstance(given, str) and given in modes else unknown_mode_problem(construct, given, modes)


def check_checkpoint(given: object) -> Problem | None:
    """Check the option `checkpoint` (TF823)."""
    is_known = isinstance(given, str) and given in CHECKPOINTS
    return None if is_known else wrong_choice_problem("checkpoint", given, CHECKPOINTS)


def mode_by_form(single: Iterable[bool]) -> str:
    """Return the mode of a `when` that names none: it depends on the form of the triggers, never on their number.

    `single` has one entry for each kind of trigger: True for one name, False for a list or tuple of names. One name is
    a plain trigger, whose value is the payload (`simple_or`). A list, a tuple or several kinds wait for all (`and`).
    """
    return "simple_or" if list(single) == [True] else "and"


def check_attempts(given: int) -> Problem | None:
    """Check the number of attempts of a step (TF718)."""
    if given >= 1:
        return None
    return Problem("TF718", f"Retry(attempts=…) counts the first attempt: at least 1 expected, {given} given")


def check_waits(*given: float) -> Problem | None:
    """Check the delays between attempts, in seconds, and their growth factor (TF718); nan is invalid."""
    if all(value >= 0 for value in given):
        return None
    return Problem("TF718", "Retry(backoff=…, factor=…, max_backoff=…) expects numbers of 0 or more")
