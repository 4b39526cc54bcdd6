"""The step in progress: a write to a layer finds it here, to name it in errors and to report the write."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final, Protocol

from typedflow.errors import FinishedError
from typedflow.rules.executions import step_over_problem


class StepInProgress(Protocol):
    """The interface of the running step to the layers: they report reads and writes to it."""

    @property
    def name(self) -> str:
        """For messages: "step 'draft' of flow 'review'"."""
        ...

    revoked: bool
    """The step is over: a write raises `FinishedError`."""

    def wrote(self, layer: Any, path: str, value: object, *, emit: bool = True, appended: bool = False) -> None:
        """Record a successful write, at exactly the path of the call; without `emit` it fires no listener.

        `appended` says that all that was done was to append to the list at the path.

        `value` is the value now at the path: the list after an append, the default after a delete, None for a removed
        dict key.
        """
        ...

    def read_container(self, layer: Any, field: str) -> None:
        """Record the read of a field with a mutable value."""
        ...


class Outside:
    """Detect reads of mutable fields outside of steps, after which no end of a step rechecks the value."""

    __slots__ = ("last", "written")

    def __init__(self) -> None:
        self.last = object()
        """A new object after each such read, in any layer."""
        self.written = object()
        """A new object after each write of a scalar into a container that no step was told of, in any layer."""

    def note_read(self) -> None:
        """Record one such read."""
        self.last = object()

    def note_write(self) -> None:
        """Record one such write: the classes of what is there are known, but it has changed."""
        self.written = object()


outside: Final = Outside()
"""The instance of this process."""

FLAT: Final = frozenset({type(None), bool, int, float, str, bytes})
"""Classes with immutable values that a save restores exactly."""

current_step: Final[ContextVar[StepInProgress | None]] = ContextVar("typedflow_step", default=None)
"""The step that runs in this context; None outside of handlers, where writes are checked all the same."""


def step_is_over(step: StepInProgress, layer: Any, path: str) -> FinishedError:
    """Return the error of a write by a step that is over."""
    return FinishedError(step_over_problem(step.name, f"write to '{path}' of {layer.__typedflow_layer__}"))
