"""How the arguments of the builder's calls are read: what they mean, and what is wrong with them."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping, Set
from enum import Enum
from functools import partial
from types import FunctionType, NoneType
from typing import Any, cast, get_args

from typedflow.definition.names import name_of
from typedflow.definition.nodes import Case, Handler, Retry, StepOptions, Trigger, TriggerKind, WhenMode
from typedflow.rules import flows
from typedflow.rules.options import THREAD, TIMEOUT, check_option, mode_by_form, wrong_retry_problem
from typedflow.rules.problems import Problem
from typedflow.rules.wording import plain


def check_mode(construct: str, mode: str, modes: Any) -> Problem | None:
    """Check a mode against the Literal that lists them."""
    known = get_args(modes)
    return None if isinstance(mode, str) and mode in known else flows.unknown_mode_problem(construct, mode, known)


def check_options(options: StepOptions) -> Problem | None:
    """Check what `to(…)` was given beside its handler."""
    if options.retry is not None and not isinstance(options.retry, Retry):
        return wrong_retry_problem(options.retry)
    return check_option(TIMEOUT, options.timeout) or check_option(THREAD, options.thread)


def takes_one(handler: Handler) -> bool:
    """Say whether a function can be called with one positional argument; of what hides its parameters: yes."""
    if type(handler) is FunctionType:  # the most of them, and a signature is slow
        code = handler.__code__
        required = code.co_argcount - len(handler.__defaults__ or ())
        takes = code.co_argcount >= 1 or bool(code.co_flags & inspect.CO_VARARGS)
        return takes and required <= 1 and code.co_kwonlyargcount <= len(handler.__kwdefaults__ or ())
    try:
        signature = inspect.Signature.from_callable(handler, follow_wrapped=False)
    except (ValueError, TypeError):
        return True
    try:
        signature.bind(None)
    except TypeError:
        return False
    return True


def case_name(condition: Any) -> str:
    """Return the name of a case that has no explicit one: that of its function, or the value as it is written."""
    if is_condition(condition):
        return name_of(condition)
    if isinstance(condition, Enum):
        return f"{type(condition).__name__}.{condition.name}"
    return repr(condition) if isinstance(condition, str | int | float | bytes | NoneType) else type(condition).__name__


def is_condition(condition: Any) -> bool:
    """Return whether a case is a function to call; everything else, a class too, is a value to compare with."""
    return callable(condition) and not isinstance(condition, type)


def check_names(names: object) -> Problem | None:
    """Check the former names of a node, branch or case: a tuple of texts."""
    if isinstance(names, tuple) and all(isinstance(name, str) and name for name in names):
        return None
    return flows.wrong_former_names_problem(names)


def case_of(condition: Any, name: str = "") -> Case:
    """Tell a condition from a value: what can be called is a condition, but for classes."""
    if not is_condition(condition):
        return Case(condition, is_function=False, name=name)
    target = condition
    while isinstance(target, partial):
        target = target.func
    is_async = inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(type(target).__call__)
    return Case(condition, is_function=True, is_async=is_async, name=name)


def copied(mapping: Any) -> Any:
    """Copy a mapping, so that its user may go on changing it; what is no mapping is reported by the rules."""
    if not isinstance(mapping, Mapping):
        return mapping
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in mapping.items()}


def triggers_of(given: Any) -> tuple[tuple[Trigger, ...], WhenMode, list[Problem]]:
    """Read what `when(…)` was given: its triggers, the mode that their form asks for, and what is wrong with them.

    One name or a collection of names are events; a mapping has the kinds of triggers, each with names of its own.
    """
    by_kind: Mapping[Any, Any] = given if isinstance(given, Mapping) else {"event": given}
    problems: list[Problem] = []
    found: list[Trigger] = []
    for kind, names in by_kind.items():
        if kind not in get_args(TriggerKind):
            problems.append(flows.unknown_trigger_problem(str(kind)))
        elif (listed := _names_of(names)) is None:
            problems.append(flows.wrong_triggers_problem(names))
        else:
            found.extend(Trigger(cast("TriggerKind", plain(kind)), name) for name in listed)
    if not found and not problems:
        problems.append(flows.empty_when_problem())
    mode = mode_by_form(isinstance(names, str) for names in by_kind.values())
    return tuple(dict.fromkeys(found)), cast("WhenMode", mode), problems


def _names_of(names: Any) -> list[str] | None:
    """Return the names of one kind of trigger as exact texts, those of a set in their order; None for anything else."""
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, Collection) or isinstance(listed, Mapping):
        return None
    if not all(isinstance(name, str) for name in listed):
        return None
    texts = [plain(name) for name in listed]
    return sorted(texts) if isinstance(listed, Set) else texts
