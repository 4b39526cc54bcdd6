"""CONTRIBUTING.md, noxfile.py and the forge's files name what there is, and run what `.ci/run` runs."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

HOME: Final = Path(__file__).parents[1]
PROJECT: Final = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS: Final = [text for line in PROJECT["classifiers"] for text in re.findall(r"^Programming .* :: (3\.\d+)$", line)]
GUIDE: Final = (HOME / "CONTRIBUTING.md").read_text(encoding="utf-8")
WORKFLOW: Final = (HOME / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
PAGES: Final = ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/glossary.md")
SPANS: Final = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", GUIDE, flags=re.DOTALL | re.MULTILINE))


class RecordingSession:
    """A nox session that keeps the commands that it is asked to run."""

    def __init__(self) -> None:
        self.posargs: Sequence[str] = ()
        self.env: dict[str, str] = {}
        self.commands: list[list[str]] = []

    def install(self, *packages: str) -> None:
        pass

    def run(self, *command: str, env: dict[str, str] | None = None) -> None:
        self.commands.append([f"{name}={value}" for name, value in (env or {}).items()] + list(command))


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Any, Callable[[Any], None]]]:
    """Return the sessions of noxfile.py by name: their Pythons and their functions."""
    found: dict[str, tuple[Any, Callable[[Any], None]]] = {}

    def session(python: Any) -> Callable[[Callable[[Any], None]], None]:
        return lambda function: found.update({function.__name__: (python, function)})

    nox = SimpleNamespace(  # all that the file uses of it
        options=SimpleNamespace(), session=session, Session=object
    )
    monkeypatch.setitem(sys.modules, "nox", nox)
    runpy.run_path(str(HOME / "noxfile.py"))
    return found


def commands_of_ci() -> list[list[str]]:
    """Return the commands of `.ci/run` that run a tool of its environment."""
    script = (HOME / ".ci" / "run").read_text(encoding="utf-8")
    found = re.search(r"^checked=\((.*)\)$", script, re.MULTILINE)
    assert found is not None
    script = script.replace('"${checked[@]}"', found[1])
    lines = re.findall(r'^ *run (?:env )?((?:\w+=\S+ )?)"\$bin/(\w+)" (.*)$', script, re.MULTILINE)
    return [shlex.split(f"{variables}{tool} {arguments}") for variables, tool, arguments in lines]


def exists(name: str) -> bool:
    """Return True for a path from the top of the tree, or the bare name of a file somewhere in it."""
    if "/" in name:
        return any(HOME.glob(name.rstrip("/")))
    return (HOME / name).exists() or any(path for tree in ("typedflow", "tests") for path in (HOME / tree).rglob(name))


def test_the_sessions_run_on_the_pythons_of_the_classifiers(sessions: dict[str, tuple[Any, Any]]) -> None:
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert {name: list(pythons) for name, (pythons, _) in sessions.items() if not isinstance(pythons, str)} == {
        "tests": PYTHONS,
        "types": PYTHONS,
    }
    assert {pythons for pythons, _ in sessions.values() if isinstance(pythons, str)} == {PYTHONS[0]}


def test_the_workflow_runs_the_sessions_on_the_pythons_of_the_classifiers(
    sessions: dict[str, tuple[Any, Any]],
) -> None:
    matrix, single = re.findall(r"^ +(?:python|session): \[(.*)\]$", WORKFLOW, re.MULTILINE)
    assert re.findall(r'"([\d.]+)"', matrix) == PYTHONS
    assert re.findall(r'python-version: "(.*)"', WORKFLOW) == [PYTHONS[0]]
    assert sorted([*single.split(", "), *re.findall(r"'(\w+)-\$", WORKFLOW)]) == sorted(sessions)


@pytest.mark.parametrize("name", ["lint", "types", "tests", "full"])
def test_a_session_runs_what_ci_runs(sessions: dict[str, tuple[Any, Any]], name: str) -> None:
    session = RecordingSession()
    sessions[name][1](session)
    ci = commands_of_ci()
    assert session.commands
    assert [command for command in session.commands if command not in ci] == []


def test_the_coverage_session_asks_for_what_ci_asks_for(sessions: dict[str, tuple[Any, Any]]) -> None:
    session = RecordingSession()
    sessions["coverage"][1](session)
    first, *rest = session.commands
    assert first == ["pytest", "--cov", "--cov-report="]  # the README's command, with what `.ci/run` adds to it
    assert [command for command in rest if command not in commands_of_ci()] == []


def test_nox_is_asked_for_in_one_version() -> None:
    files = [(HOME / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "noxfile.py")]
    found = [re.findall(r'(?:nox|needs_version = "|\')>=([\d.]+)', text) for text in [*files, WORKFLOW]]
    assert [len(versions) for versions in found] == [1, 1, 2]
    assert len({version for versions in found for version in versions}) == 1


def test_the_hooks_run_tools_of_the_environment() -> None:
    text = (HOME / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    tools = re.findall(r"^ +entry: \.venv/bin/(\w+)", text, re.MULTILINE)
    assert tools == ["ruff", "ruff", "mypy"]
    assert [tool for tool in tools if not any(need.startswith(tool) for need in all_tools())] == []
    assert re.findall(r"repo: (.*)", text) == ["local"]  # nothing is downloaded


def all_tools() -> list[str]:
    return [need for extra in ("test", "dev") for need in PROJECT["optional-dependencies"][extra]]


def test_every_file_that_the_guide_names_is_there() -> None:
    words = [word.removeprefix("--ignore=") for span in SPANS for word in span.split()]
    named = [word for word in words if re.fullmatch(r"\.?[\w./-]*\w\.(?:py|md|toml|yml)|\.?[\w.-]+/[\w./-]*", word)]
    assert len(named) > 40
    assert [name for name in named if not name.startswith((".venv", "dist/")) and not exists(name)] == []


def test_every_name_of_the_code_that_the_guide_uses_is_there() -> None:
    trees = ("typedflow", "mypy_plugin", "tests")
    files = [path for tree in trees for path in (HOME / tree).rglob("*.py") if path != Path(__file__)]
    code = "\n".join(path.read_text(encoding="utf-8") for path in [*files, HOME / "noxfile.py"])
    names = {span for span in SPANS if re.fullmatch(r"[A-Za-z]\w*", span) and not span.startswith("TF")}
    words = {"asterisks", "durable", "supported"}
    assert len(names) > 10
    assert sorted(name for name in names - words if not re.search(rf"^(?!#).*\b{name}\b", code, re.MULTILINE)) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", (HOME / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (HOME / page).parent.joinpath(link).exists()] == []


def test_the_example_rule_of_the_guide_is_one() -> None:
    from_table = re.search(r"`(TF\d+)` \((?:a )?(.+?)\) as the example", GUIDE)
    assert from_table is not None
    rules = (HOME / "typedflow" / "rules" / "catalogue.py").read_text(encoding="utf-8")
    assert re.search(rf'\("{from_table[1]}", \w+, "{from_table[2]}"\)', rules)


def test_the_glossary_explains_each_term_once() -> None:
    rows = re.findall(r"^\| (?!term |name |---)(.+?) \| (.+) \|$", (HOME / PAGES[3]).read_text("utf-8"), re.MULTILINE)
    assert len(rows) > 40
    terms = [term for term, _ in rows]
    assert [term for term in terms if terms.count(term) > 1] == []
