"""The plugin's options, its error codes, and what becomes of a check that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mypy.programs import CONFIG, STRICT, copy_library_cache, environment, run_mypy, write_project
from typedflow.rules.catalogue import CODES
from typedflow_mypy.settings import Settings, read_settings

PROGRAM = """\
from typedflow import Contract, Data, Resources


class Tools(Resources):
    tool: int


class My(Contract):
    input: int
    result: int
    resources: Tools


def handler(data: Data[My, int], key: str) -> None:
    data.require_resource("tol")
    data.require_resource(key)
"""
UNKNOWN = "TF101: Tools declares no resource 'tol' (did you mean 'tool'?)  [typedflow-resource]"
DYNAMIC = (
    "TF199: the resource key is not a literal, so that it cannot be checked before the flow runs "
    "(write it out where it is used, as a Final name or of a Literal type)  [typedflow-dynamic]"
)


@pytest.mark.parametrize(
    "name, text",
    [
        ("mypy.ini", "[mypy]\nstrict = true\n[typedflow-mypy]\nstrict_dynamic_keys = true\n"),
        ("pyproject.toml", "[tool.mypy]\nstrict = true\n[tool.typedflow-mypy]\nstrict_dynamic_keys = true\n"),
    ],
)
def test_options_are_read_of_both_kinds_of_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_settings(str(tmp_path / name)) == (Settings(strict_dynamic_keys=True), [])


@pytest.mark.parametrize(
    "name, text, problem",
    [
        (
            "mypy.ini",
            "[typedflow-mypy]\nstrict_dynamic_key = true\n",
            "mypy.ini: [typedflow-mypy]: unrecognized option: 'strict_dynamic_key' "
            "(did you mean 'strict_dynamic_keys'?)",
        ),
        (
            "pyproject.toml",
            "[tool.typedflow-mypy]\nstrict_dynamic_keys = 3\n",
            "pyproject.toml: [tool.typedflow-mypy]: strict_dynamic_keys is true or false, not 3 (int)",
        ),
        ("pyproject.toml", "[tool", "pyproject.toml: cannot be read: Expected ']'"),
    ],
)
def test_what_is_wrong_with_an_option_is_said(tmp_path: Path, name: str, text: str, problem: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    settings, problems = read_settings(str(tmp_path / name))
    assert settings == Settings()
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_without_a_file_there_are_the_defaults() -> None:
    assert read_settings(None) == (Settings(), [])


def said(project: Path, config: str, cache: Path) -> list[str]:
    write_project(project, {"program.py": PROGRAM}, config)
    return [finding.text for finding in run_mypy(project, cache=cache)]


@pytest.mark.full  # mypy checks the library twice; the quick form sees that of the option in test_unused.py
@pytest.mark.parametrize("before, after", [(STRICT, CONFIG), (CONFIG, STRICT)], ids=["off", "on"])
def test_dynamic_keys_are_reported_where_that_is_asked_for_and_a_changed_option_drops_the_cache(
    tmp_path: Path, before: str, after: str
) -> None:
    expected = {CONFIG: [UNKNOWN], STRICT: [UNKNOWN, DYNAMIC]}
    cache = copy_library_cache(tmp_path / "cache", before)
    assert said(tmp_path, before, cache) == expected[before]
    assert said(tmp_path, after, cache) == expected[after]


def test_a_code_and_all_codes_can_be_disabled_in_a_module_and_one_ignored_on_a_line(tmp_path: Path) -> None:
    ignored = PROGRAM.replace('"tol")', '"tol")  # type: ignore[typedflow-resource]')
    config = CONFIG + "[mypy-disabled]\ndisable_error_code = typedflow-resource\n"
    config += "[mypy-without]\ndisable_error_code = typedflow\n"
    sources = {"program.py": PROGRAM, "disabled.py": PROGRAM, "without.py": PROGRAM, "ignored.py": ignored}
    found = run_mypy(write_project(tmp_path, sources, config))
    assert [(finding.file, finding.text) for finding in found] == [("program.py", UNKNOWN)]


def test_every_code_is_one_of_mypys(tmp_path: Path) -> None:
    flags = [f"--enable-error-code={code}" for code in (*CODES, "typedflow")]
    assert run_mypy(write_project(tmp_path, {"program.py": "x = 1\n"}), *flags) == []  # else it stops with 2


FAILING = """\
import sys

import typedflow_mypy

dispatcher = sys.modules["typedflow_mypy.plugin"]


def fail(call):
    raise ValueError("no such thing")


dispatcher._OF_CLASSES = {**dispatcher._OF_CLASSES, "Data.require_resource": fail}
"""
"""Runs when Python starts, so that the plugin has its own name, and the cache of the library holds."""


def test_a_check_that_fails_is_one_error_and_mypy_goes_on(tmp_path: Path) -> None:
    source = PROGRAM.replace("    data.require_resource(key)\n", "    x: str = 1\n")
    project = write_project(tmp_path / "project", {"program.py": source})
    start = write_project(tmp_path / "start", {"sitecustomize.py": FAILING})
    command = [sys.executable, "-m", "mypy", "--show-column-numbers", "program.py"]
    command += ["--cache-dir", str(copy_library_cache(tmp_path / "cache"))]
    quiet = {name: value for name, value in environment().items() if name != "TYPEDFLOW_MYPY_RAISE"}
    quiet["PYTHONPATH"] = os.pathsep.join([str(start), quiet["PYTHONPATH"]])
    done = subprocess.run(command, cwd=project, env=quiet, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert lines[0].startswith(
        "program.py:15:5: error: the typedflow plugin failed on this line, which was not checked: "
        "ValueError: no such thing (please report it: "
    )
    assert lines[1].startswith("program.py:16:14: error: Incompatible types in assignment")
    assert done.returncode == 1


def test_importing_the_plugin_is_cheap() -> None:
    # msgspec and asyncio are what a contract's runtime needs, and mypy's workers have a few seconds to start
    code = (
        "import sys, typedflow_mypy;"
        "print(sorted({'msgspec', 'asyncio', 'typedflow.schema', 'typedflow.execution'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
