"""A project in a folder of its own, and the command line called in it: in this process, or in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from typer.main import get_command

from typedflow.cli.app import app

ROOT: Final = Path(__file__).parents[2]
COMMAND: Final = get_command(app)
"""Made once: typer takes longer for it than for a command."""
PLAIN: Final[Mapping[str, str]] = {"COLUMNS": "80", "TERM": "dumb", "NO_COLOR": "1"}


@dataclass(frozen=True, slots=True)
class Done:
    """What a command did."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The JSON document that it printed."""
        return msgspec.json.decode(self.stdout)


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with the modules of a user."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *arguments: str, stdin: str | None = None, merged: bool = False) -> Done:
        """Call the command line in this process; the modules that it imports are forgotten again.

        With `merged` all that a screen would show is in `stderr`, in its order.
        """
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, _imports_forgotten(self.folder):
            for name, value in PLAIN.items():
                patch.setenv(name, value)
            for name, stream in (
                ("stdin", io.StringIO(stdin or "")),
                ("stdout", err if merged else out),
                ("stderr", err),
            ):
                patch.setattr(sys, name, stream)
            with pytest.raises(SystemExit) as ended:
                COMMAND.main([*arguments], prog_name="typedflow")
        assert isinstance(ended.value.code, int)
        texts = (stream.buffer.getvalue().decode() for stream in (out, err))
        return Done(ended.value.code, *texts)

    def spawn(self, *arguments: str, stdin: str | None = None, python: tuple[str, ...] = ("-W", "error")) -> Done:
        """Call the command line in a process of its own."""
        done = subprocess.run(
            [sys.executable, *python, "-m", "typedflow.cli", *arguments],
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **PLAIN, "PYTHONPATH": str(ROOT)},
        )
        return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def _imports_forgotten(folder: Path) -> Iterator[None]:
    before, path, where = set(sys.modules), list(sys.path), Path.cwd()
    os.chdir(folder)
    importing = sys.dont_write_bytecode
    sys.dont_write_bytecode = True  # a module that is written again within one second would be read from its cache
    try:
        yield
    finally:
        os.chdir(where)
        sys.path[:] = path
        sys.dont_write_bytecode = importing
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
                del sys.modules[name]
        sys.path_importer_cache.pop(str(folder), None)
