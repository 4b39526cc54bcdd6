"""The cases through the daemon: what it says is what a cold run says, on the first check and on a second one."""

from __future__ import annotations

from pathlib import Path

from tests.mypy.daemon import Daemon, inside
from tests.mypy.programs import case_sources, remark, strip, write_project


def test_the_daemon_says_what_a_cold_run_says(tmp_path: Path) -> None:
    sources = case_sources()
    project = write_project(tmp_path, {name: strip(source) for name, source in sources.items()})
    with inside(project):
        daemon = Daemon(tmp_path / "cache")
        assert remark(sources, daemon.check()) == sources
        # a line more in every module: all of it is looked at again
        moved = {name: strip(source) + "\nlast_line = 1\n" for name, source in sources.items()}
        write_project(tmp_path, moved)
        marked = remark(moved, daemon.check())
    assert marked == {name: source + "\nlast_line = 1\n" for name, source in sources.items()}
