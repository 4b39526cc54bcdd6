"""How commands print: text or one JSON document to stdout, mistakes to stderr.

What the modules and handlers of the user print while a command runs goes to stderr, so that stdout can be read by a
program.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TextIO

import msgspec
import typer

from typedflow.cli.exits import Mistake
from typedflow.cli.loading import use_folder
from typedflow.cli.settings import read_settings
from typedflow.cli.ways import mistake_of
from typedflow.errors import TypedflowError
from typedflow.rules.wording import quoted, text_of

P = ParamSpec("P")


def to_json(value: Any) -> str:
    """Return plain data as indented JSON, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


_stdout: ContextVar[TextIO | None] = ContextVar("stdout", default=None)
"""That of the process, while a command runs."""


def stdout() -> TextIO:
    """Return the stream to which a command prints."""
    return _stdout.get() or sys.stdout


def write(text: str) -> None:
    """Print text; characters that the terminal cannot show are escaped."""
    out = stdout()
    encoding = getattr(out, "encoding", None) or "utf-8"
    out.write(text.encode(encoding, "backslashreplace").decode(encoding))
    out.flush()


def write_text(path: Path, text: str) -> None:
    """Write a file; what the system refuses is a `Mistake`."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Mistake(f"cannot write {quoted(str(path))}: {text_of(error)}") from None


def command(function: Callable[P, int]) -> Callable[P, None]:
    """Return a command that exits with the code that the function returns, and prints its mistakes.

    Modules are imported from the working directory, and from the folder of the project.

    A `Mistake`, or an error of the library that no command has treated, is printed without a traceback: as a line on
    stderr, or as `{"error": …}` on stdout if the command was called with `--json`.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        token = _stdout.set(sys.stdout)
        try:
            here = Path.cwd()
            use_folder(here, read_settings(here).root)
            with redirect_stdout(sys.stderr):
                code = function(*args, **kwargs)
        except Mistake as mistake:
            code = _print_mistake(mistake, as_json=bool(kwargs.get("as_json")))
        except TypedflowError as error:
            named = mistake_of(error, kwargs.get("execution_id"))
            code = _print_mistake(named, as_json=bool(kwargs.get("as_json")))
        finally:
            _stdout.reset(token)
        raise typer.Exit(code)

    return run


def _print_mistake(mistake: Mistake, *, as_json: bool) -> int:
    if as_json:
        schema = {} if mistake.schema is None else {"schema": mistake.schema}
        write(to_json({"error": {"text": mistake.text, "hint": mistake.hint, **schema}}))
        return mistake.code
    hint = f" ({mistake.hint})" if mistake.hint else ""
    sys.stderr.write(f"error: {mistake.text}{hint}\n")
    if mistake.schema is not None:
        sys.stderr.write(to_json(mistake.schema))
    return mistake.code
