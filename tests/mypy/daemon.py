"""mypy's daemon, in this process: what `dmypy run` does, without the socket."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mypy.dmypy_server import Server
from mypy.main import process_options

from tests.mypy.programs import ROOT, Finding, parse_findings

SILENT = ("--follow-imports", "silent")
"""With other imports than those of the project a daemon looks at the whole library after each edit, for minutes."""
FLAGS = ("--config-file", "mypy.ini", "--output", "json", "--show-traceback", *SILENT)


class Daemon:
    """One server over one project; it must be used in the project's folder, see `inside`."""

    def __init__(self, cache: Path, *flags: str) -> None:
        self._flags = [*FLAGS, "--cache-dir", str(cache), *flags, "."]
        _, options = process_options(self._flags, require_targets=False, server_options=True)
        self._server = Server(options, "no status file")

    def check(self) -> list[Finding]:
        """Check what has changed."""
        sources, _ = process_options(self._flags, require_targets=False, server_options=True)
        answer = self._server.check(sources, export_types=False, is_tty=False, terminal_width=80)
        assert answer["status"] in (0, 1), answer
        return parse_findings(str(answer["out"]))


@contextmanager
def inside(project: Path) -> Iterator[None]:
    """Be in a project, with typedflow to be found by mypy."""
    before, path = Path.cwd(), os.environ.get("MYPYPATH")
    os.chdir(project)
    os.environ["MYPYPATH"] = str(ROOT)
    os.environ["TYPEDFLOW_MYPY_RAISE"] = "1"
    try:
        yield
    finally:
        os.chdir(before)
        del os.environ["TYPEDFLOW_MYPY_RAISE"]
        if path is None:
            del os.environ["MYPYPATH"]
        else:
            os.environ["MYPYPATH"] = path
