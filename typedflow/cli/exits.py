"""What the exit codes of all commands mean, and the exception that ends a command with one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

OK: Final = 0
FAILED: Final = 1
"""Problems were found, or an execution failed."""
WRONG_USE: Final = 2
"""What was asked for cannot be done: an unknown module, flow, execution or option; nothing was changed."""
WAITING: Final = 3
"""An execution waits for an answer, or sleeps."""


class Mistake(Exception):
    """Something that the user asked for cannot be done; it is printed without a traceback."""

    def __init__(
        self, text: str, hint: str = "", code: int = WRONG_USE, *, schema: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        self.code = code
        self.schema = schema
        """The JSON Schema of what was expected; printed below the text."""
