"""The entry point of the console script `typedflow`; without the extra `cli` it prints what to install."""

from __future__ import annotations

import sys
from typing import Final

from typedflow.cli.exits import WRONG_USE

EXTRA: Final = frozenset({"typer", "rich"})


def main() -> None:
    """Run the command line of this process, and exit with its code."""
    try:
        from typedflow.cli.app import app
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        sys.stderr.write(f"error: '{error.name}' is not installed; the command line needs it: ")
        sys.stderr.write("pip install 'typedflow[cli]'\n")
        sys.exit(WRONG_USE)
    app(prog_name="typedflow")
