"""The hooks and the workflow of docs/cli.md are run as they are printed, and refuse what they are to refuse."""

from __future__ import annotations

import html
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types of its own

from tests.cli.project import PLAIN, ROOT, Project

PAGE: Final = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
INSTALLS: Final = "pip install "


def block(mark: str) -> str:
    """Return the fenced block below a mark."""
    found = re.search(rf"<!-- {re.escape(mark)} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return the project of the page, with its lock."""
    project = Project(tmp_path)
    for name in ("review.py", "pyproject.toml"):
        project.write(name, block(f"file: {name}"))
    assert project.run("lock").code == 0
    return project


def environment(project: Project) -> Mapping[str, str]:
    """Return the variables of an environment in which typedflow is installed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"PATH": path, "PYTHONPATH": str(ROOT), "PRE_COMMIT_HOME": str(project.folder / ".hooks")}
    names = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    return {**kept, **PLAIN, **own, **names, "PYTHONDONTWRITEBYTECODE": "1"}


def call(project: Project, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=project.folder,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def exchange_steps(project: Project) -> None:
    text = block("file: review.py")
    before, after = ".to(search).to(approve).to(write)", ".to(search).to(write).to(approve)"
    assert before in text
    project.write("review.py", text.replace(before, after))


@pytest.mark.one_python
@pytest.mark.full
def test_the_hooks_refuse_a_commit(project: Project) -> None:
    project.write(".pre-commit-config.yaml", block("hooks"))
    project.write(".gitignore", ".hooks\n")
    for command in ("git init -q", "git add .", "git commit -q -m Begin", "pre-commit install"):
        done = call(project, *command.split())
        assert done.returncode == 0, done.stdout
    exchange_steps(project)
    call(project, "git", "add", ".")
    done = call(project, "git", "commit", "-m", "Exchange two steps")
    assert done.returncode == 1
    quoted = block("hooks: output").split("\n", 1)[1]
    assert quoted.endswith("…\n")
    assert quoted.removesuffix("…\n") in done.stdout


def test_the_workflow_passes_and_refuses(project: Project) -> None:
    [job] = yaml.safe_load(block("workflow"))["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands.pop(0).startswith(INSTALLS)
    done = [call(project, "bash", "-ec", command) for command in commands]
    assert [each.returncode for each in done] == [0, 0], done
    exchange_steps(project)
    check = project.run(*shlex.split(commands[0])[1:])
    assert (check.code, check.stdout.startswith("::error file=review.py,line=")) == (1, True)
    project.write("review.py", block("file: review.py").replace("found: list[str]", "found: set[str]"))
    diff = project.run(*shlex.split(commands[1])[1:])
    assert (diff.code, "1 need a migration" in diff.stdout) == (1, True)


def test_the_picture_of_the_page_is_of_its_flow(project: Project) -> None:
    drawn = (ROOT / "docs" / "review.svg").read_text(encoding="utf-8")
    shown = [html.unescape(text).strip() for text in re.findall(r"<text .*?>(.*?)</text>", drawn)]
    dot = project.run("diagram", "review:flow", "--detailed", "--uses", "--format", "dot").stdout
    labels = [part.strip() for label in re.findall(r'label="(.*?)"', dot) for part in label.split(r"\n")]
    assert sorted(shown) == sorted(labels)
