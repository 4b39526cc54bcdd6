"""`typedflow diagram`: a flow as text, and as a picture where Graphviz is installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.cli.asking import ASKING
from tests.cli.project import Project

# In place of Graphviz: it prints how it was called and what it got.
DOT = """\
#!{python}
import sys
print(sys.argv[1], sys.stdin.read().splitlines()[0])
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the one folder in which programs are looked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def install_dot(programs: Path, text: str = DOT) -> None:
    (programs / "dot").write_text(text.format(python=sys.executable), encoding="utf-8")
    (programs / "dot").chmod(0o755)


def test_text_is_printed(project: Project) -> None:
    project.write("review.py", ASKING)
    done = project.spawn("diagram", "review:flow", "--detailed")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1] == """title: "flow 'review', simplified: its config is the truth\""""
    assert '-->|"list[str]"|' in done.stdout
    assert project.run("diagram", "review").stdout.count("-->|") == 0
    dot = project.run("diagram", "review", "--format", "dot").stdout
    assert dot.startswith('digraph "review" {\n')
    document = project.run("diagram", "review", "--format", "dot", "--json").document
    assert document == {"flow": "review", "format": "dot", "output": None, "text": dot}


def test_the_uses_of_each_step_stand_below_its_name_on_request(project: Project) -> None:
    project.write("review.py", ASKING)
    drawn = project.run("diagram", "review", "--uses").stdout
    assert '["search<br/>writes state.request, state.found<br/>reads resources.library, state.found"]' in drawn
    assert '"approve"]' in drawn
    assert "reads" not in project.run("diagram", "review").stdout


def test_a_picture_is_drawn_by_graphviz(project: Project, programs: Path) -> None:
    project.write("review.py", ASKING)
    install_dot(programs)
    assert project.run("diagram", "review", "--format", "svg").stdout == '-Tsvg digraph "review" {\n'
    done = project.run("diagram", "review", "-o", "flow.png", "--json")
    assert done.document == {"flow": "review", "format": "png", "output": "flow.png"}
    assert (project.folder / "flow.png").read_text(encoding="utf-8") == '-Tpng digraph "review" {\n'


def test_without_graphviz_it_is_named(project: Project, programs: Path) -> None:
    project.write("review.py", ASKING)
    done = project.run("diagram", "review", "--format", "svg")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == (
        "error: a diagram in svg is drawn by the program 'dot', which is not installed "
        "(install Graphviz (https://graphviz.org/download/), or use --format mermaid or dot)\n"
    )
    assert os.listdir(programs) == []


def test_what_graphviz_says_is_passed_on(project: Project, programs: Path) -> None:
    project.write("review.py", ASKING)
    install_dot(programs, "#!{python}\nimport sys; sys.exit('syntax error')\n")
    done = project.run("diagram", "review", "--format", "png")
    assert (done.code, done.stderr) == (1, "error: 'dot' failed with code 1: syntax error\n")
    install_dot(programs, "#!{python}\n")
    assert "it printed nothing" in project.run("diagram", "review", "--format", "png").stderr


def test_the_form_is_that_of_the_name_of_the_output(project: Project) -> None:
    project.write("review.py", ASKING)
    assert project.run("diagram", "review", "-o", "flow.dot").stdout == ""
    assert (project.folder / "flow.dot").read_text(encoding="utf-8").startswith("digraph")
    done = project.run("diagram", "review", "-o", "flow.pn")
    assert (done.code, done.stderr) == (
        2,
        "error: the name 'flow.pn' does not say which diagram it is (did you mean '.png'?; or add --format)\n",
    )
    done = project.run("diagram", "review", "-o", "no/flow.dot")
    assert (done.code, "cannot write 'no/flow.dot'" in done.stderr) == (2, True)
