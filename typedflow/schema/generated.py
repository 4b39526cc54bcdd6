"""Checks as generated source: a function for each record and alias, so that types may be recursive."""

from __future__ import annotations

from typing import Any

from typedflow.schema.types import Kind


class GeneratedSource:
    """The functions of one check, the objects that their text refers to, and names for both."""

    def __init__(self) -> None:
        self.functions: dict[str, list[str]] = {}
        """The lines of each function."""
        self.names: dict[str, Any] = {"type": type}
        """What the text refers to; once it is run, the functions too."""
        self.function_of: dict[Kind, str] = {}
        self._variables = 0

    def name(self, value: Any) -> str:
        """Return a global name of an object."""
        name = f"g{len(self.names)}"
        self.names[name] = value
        return name

    def variable(self) -> str:
        """Return the name of a new local variable."""
        self._variables += 1
        return f"v{self._variables}"

    def run(self, entry: str, title: str) -> Any:
        """Compile the functions and return one of them; tracebacks show the title in place of a file."""
        text = "\n".join(line for lines in self.functions.values() for line in lines)
        exec(compile(text, f"<{title}>", "exec"), self.names)
        return self.names[entry]
