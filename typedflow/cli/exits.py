"""What the exit codes of all commands mean, and the exception that ends a command with one of them."""

from __future__ import annotations

from typing import Final

OK: Final = 0
FAILED: Final = 1
"""Problems were found, or an execution failed."""
WRONG_USE: Final = 2
"""What was asked for cannot be done: an unknown module, flow, execution or option; nothing was changed."""
WAITING: Final = 3
"""An execution waits for an answer."""


class Mistake(Exception):
    """Something that the user asked for cannot be done; it is printed without a traceback."""

    def __init__(self, text: str, hint: str = "", code: int = WRONG_USE) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        self.code = code
