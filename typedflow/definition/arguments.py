"""How the arguments of the builder's calls are read: what they mean, and what is wrong with them."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from functools import partial
from types import FunctionType
from typing import Any, cast, get_args

from typedflow.contract import flows
from typedflow.contract.options import THREAD, TIMEOUT, check_option, wrong_retry
from typedflow.contract.problems import Problem
from typedflow.definition.nodes import Case, Handler, Retry, StepOptions, Trigger, TriggerKind


def check_mode(construct: str, mode: str, modes: Any) -> Problem | None:
    """Check a mode against the Literal that lists them."""
    known = get_args(modes)
    return None if mode in known else flows.unknown_mode(construct, mode, known)


def check_options(options: StepOptions) -> Problem | None:
    """Check what `to(…)` was given beside its handler."""
    if options.retry is not None and not isinstance(options.retry, Retry):
        return wrong_retry(options.retry)
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


def case_of(condition: Any) -> Case:
    """Tell a condition from a value: what can be called is a condition, but for classes."""
    if isinstance(condition, type) or not callable(condition):
        return Case(condition, is_function=False)
    target = condition
    while isinstance(target, partial):
        target = target.func
    is_async = inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(type(target).__call__)
    return Case(condition, is_function=True, is_async=is_async)


def copied(mapping: Any) -> Any:
    """Copy a mapping, so that its user may go on changing it; what is no mapping is reported by the rules."""
    if not isinstance(mapping, Mapping):
        return mapping
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in mapping.items()}


def triggers_of(given: str | Mapping[str, Any]) -> tuple[tuple[Trigger, ...], list[Problem]]:
    """Read what `when(…)` was given: an event's name, or a mapping of kinds to names or lists of names."""
    if isinstance(given, str):
        return (Trigger("event", given),), []
    if not isinstance(given, Mapping):
        return (), [flows.wrong_triggers(given)]
    problems: list[Problem] = []
    found: list[Trigger] = []
    for kind, names in given.items():
        if kind not in get_args(TriggerKind):
            problems.append(flows.unknown_trigger(str(kind)))
            continue
        listed = [names] if isinstance(names, str) else names
        if not isinstance(listed, Collection) or not all(isinstance(name, str) for name in listed):
            problems.append(flows.wrong_triggers(names))
            continue
        found.extend(Trigger(cast("TriggerKind", kind), name) for name in listed)
    if not found and not problems:
        problems.append(flows.empty_when())
    return tuple(dict.fromkeys(found)), problems
