"""The examples of docs/errors.md do what it says: the wrong way breaks its rule, the right way breaks none."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from tests.docs.programs import ENTRIES, LLMS_PROGRAM, PLUGIN_ONLY, TYPE_CHECKERS, Entry, completed, starts
from tests.mypy.programs import STRICT, run_mypy, write_project
from typedflow import TypedflowError
from typedflow.rules.catalogue import RULES

SHOWN: Final = [entry for entry in ENTRIES.values() if entry.wrong]
STATIC: Final = [entry for entry in SHOWN if RULES[entry.number].code]
UNUSED: Final = [number for number, rule in RULES.items() if rule.code == "typedflow-unused"]
ASKED: Final = f"[mypy-{','.join(f'{number}_wrong' for number in UNUSED)}]\nenable_error_code = typedflow-unused\n"


def declares_anew(entry: Entry) -> bool:
    """Return whether a class is changed while the right way runs, as between two versions of a program."""
    statements = ast.parse(completed(entry.right, entry.number)).body
    names = [statement.name for statement in statements if isinstance(statement, ast.ClassDef)]
    return len(set(names)) < len(names)


TYPED: Final = [entry for entry in SHOWN if not declares_anew(entry)]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """Return a module to run a program in, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    made = ModuleType("shown")
    monkeypatch.setitem(sys.modules, "shown", made)
    return made


def run(module: ModuleType, example: str, number: str) -> None:
    """Run the program with an example in it, and start its flow where the example does not."""
    exec(completed(example, number), vars(module))
    flow: Any = vars(module)["flow"]
    flow.validate()
    if starts(example):
        given = {"search": vars(module)["tool"]} if "resources" in vars(module)["Review"].__annotations__ else {}
        flow.create_execution(runtime_resources=given).start(vars(module)["request"])


@pytest.mark.parametrize("entry", [entry for entry in SHOWN if entry.said != PLUGIN_ONLY], ids=str)
@pytest.mark.thin(5)
def test_the_wrong_way_raises_its_number(entry: Entry, module: ModuleType) -> None:
    with pytest.raises(TypedflowError) as caught:
        run(module, entry.wrong, entry.number)
    assert entry.number in [problem.number for problem in caught.value.problems], str(caught.value)


@pytest.mark.parametrize("entry", [entry for entry in SHOWN if entry.said == PLUGIN_ONLY], ids=str)
def test_what_only_the_plugin_says_raises_nothing_or_another_number(entry: Entry, module: ModuleType) -> None:
    raised: list[str] = []
    try:
        run(module, entry.wrong, entry.number)
    except TypedflowError as error:
        raised = [problem.number for problem in error.problems]
    assert entry.number not in raised


@pytest.mark.parametrize("entry", SHOWN, ids=str)
@pytest.mark.thin(5)
def test_the_right_way_runs(entry: Entry, module: ModuleType) -> None:
    run(module, entry.right, entry.number)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[str]]:
    """Return what mypy reports of every program, in one build."""
    programs = {f"{entry.number}_right.py": completed(entry.right, entry.number) for entry in TYPED}
    programs |= {f"{entry.number}_wrong.py": completed(entry.wrong, entry.number) for entry in STATIC}
    programs["llms.py"] = LLMS_PROGRAM
    found: dict[str, list[str]] = {name: [] for name in programs}
    project = write_project(tmp_path_factory.mktemp("examples"), programs, STRICT + ASKED)
    for finding in run_mypy(project, like=STRICT):
        found[finding.file].append(finding.text)
    return found


@pytest.mark.one_python
@pytest.mark.parametrize("entry", STATIC, ids=str)
def test_the_wrong_way_is_said_by_whom_the_page_names(entry: Entry, reports: Mapping[str, list[str]]) -> None:
    said = reports[f"{entry.number}_wrong.py"]
    numbered = any(text.startswith(f"{entry.number}: ") for text in said)
    if entry.said == TYPE_CHECKERS:
        assert said
    else:
        assert numbered or not said, said
    assert numbered == (entry.said in ("", PLUGIN_ONLY))


@pytest.mark.one_python
@pytest.mark.parametrize("entry", TYPED, ids=str)
def test_no_type_checker_refuses_the_right_way(entry: Entry, reports: Mapping[str, list[str]]) -> None:
    assert reports[f"{entry.number}_right.py"] == []


@pytest.mark.one_python
def test_no_type_checker_refuses_the_program_of_llms(reports: Mapping[str, list[str]]) -> None:
    assert reports["llms.py"] == []
