"""Who is writing: the step in progress, by which a write to a layer knows its handler and the engine learns of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final, Protocol

from typedflow.errors import FinishedError
from typedflow.rules.executions import step_over_problem


class StepInProgress(Protocol):
    """What a layer asks of the step that runs, and tells it."""

    @property
    def name(self) -> str:
        """For messages: "step 'draft' of flow 'review'"."""
        ...

    revoked: bool
    """The step is over: a write raises `FinishedError`."""

    def wrote(self, layer: Any, path: str, value: object) -> None:
        """Learn of a write that stands, at exactly the path that was given; not called where `emit=False` was asked.

        `value` is what the path now holds: the list after an append, the default after a delete, None for a dict key
        that is gone.
        """
        ...

    def read_container(self, layer: Any, field: str) -> None:
        """Learn that a field was read whose value can be changed in place."""
        ...


class Outside:
    """Tell whether somebody outside of all steps got hold of a container, which no end of a step looks at again."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = object()
        """Another object after each time, in whatever layer."""

    def touched(self) -> None:
        """Note one time."""
        self.last = object()


outside: Final = Outside()
"""That of this process."""

FLAT: Final = frozenset({type(None), bool, int, float, str, bytes})
"""Classes whose objects nobody can change, and of which nothing is lost where they are declared."""

current_step: Final[ContextVar[StepInProgress | None]] = ContextVar("typedflow_step", default=None)
"""The step that runs in this context; None outside of handlers, where writes are checked all the same."""


def step_is_over(step: StepInProgress, layer: Any, path: str) -> FinishedError:
    """Make the error of a write by a step that is over."""
    return FinishedError(step_over_problem(step.name, f"write to '{path}' of {layer.__typedflow_layer__}"))
