"""The pages of the site: their programs run, and print what the pages quote; those of the tutorial in one folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.docs import scenarios
from tests.docs.scenarios import DOCS, Command, File
from tests.mypy.programs import copy_library_cache
from tests.postgres import conninfo_of

DATABASE: Final = "DATABASE_URL"
"""The environment variable that names the database of a page."""
TUTORIAL: Final = sorted(path for path in (DOCS / "tutorial").glob("[0-9]*.md"))
FEW: Final = 1
"""The quick form runs the pages with no more consoles: nearly all of their time is that of Python's starts."""
OTHERS: Final = sorted(path for folder in ("how-to", "concepts", "reference") for path in (DOCS / folder).glob("*.md"))


def follow(pages: list[Path], folder: Path, *, checkers: bool) -> list[str]:
    """Do what the pages do, and return each command whose output is another, with that output.

    With `checkers` no program is run, but type checkers and what prepares their files; without, programs are.
    """
    differing = []
    for page in pages:
        for step in scenarios.read_page(page.read_text(encoding="utf-8")):
            match step:
                case File(name, text, change):
                    path = folder / name
                    path.write_text(
                        scenarios.changed(path.read_text(encoding="utf-8"), text) if change else text, encoding="utf-8"
                    )
                case Command() if step.is_checker == checkers or not step.is_program:
                    output = scenarios.run(step, folder)
                    if not scenarios.matches(step.output, output):
                        differing.append(f"{page.name}\n$ {step.line}\n{output}")
    return differing


@pytest.mark.full
def test_the_tutorial_runs_as_it_is_printed(tmp_path: Path) -> None:
    assert TUTORIAL
    assert follow(TUTORIAL, tmp_path, checkers=False) == []


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder for mypy's cache, in which the library is."""
    return str(copy_library_cache(tmp_path_factory.mktemp("checked") / "cache"))


@pytest.mark.one_python
def test_the_tutorial_is_checked_as_it_is_printed(tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYPY_CACHE_DIR", cache)
    assert follow(TUTORIAL, tmp_path, checkers=True) == []


def has_checkers(page: Path) -> bool:
    """Return True if the page runs a type checker."""
    steps = scenarios.read_page(page.read_text(encoding="utf-8"))
    return any(isinstance(step, Command) and step.is_checker for step in steps)


@pytest.mark.one_python
@pytest.mark.parametrize("page", [page for page in OTHERS if has_checkers(page)], ids=lambda path: path.stem)
def test_a_page_is_checked_as_it_is_printed(
    page: Path, tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYPY_CACHE_DIR", cache)
    assert follow([page], tmp_path, checkers=True) == []


def marked(page: Path) -> object:
    """Return the page as a parameter; one that needs more packages runs on the main Python only."""
    text = page.read_text(encoding="utf-8")
    marks: list[pytest.MarkDecorator] = [pytest.mark.one_python] if "<!-- packages:" in text else []
    if DATABASE in text:
        marks.append(pytest.mark.postgres)
    if text.count("<!-- run -->") > FEW:
        marks.append(pytest.mark.full)
    return pytest.param(page, id=page.stem, marks=marks)


@pytest.mark.parametrize("page", [marked(page) for page in OTHERS])
def test_a_page_runs_as_it_is_printed(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if DATABASE in page.read_text(encoding="utf-8"):
        monkeypatch.setenv(DATABASE, conninfo_of(tmp_path))
    assert follow([page], tmp_path, checkers=False) == []


@pytest.mark.parametrize("page", [*TUTORIAL, *OTHERS], ids=lambda path: path.stem)
def test_every_program_of_a_page_is_run(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    done = list(scenarios.read_page(text))
    assert text.count("```python") == sum(isinstance(step, File) and step.name.endswith(".py") for step in done)
    assert text.count("```console") == text.count("<!-- run -->")


def test_a_change_takes_the_place_of_what_has_its_name() -> None:
    program = "import a\n\n\ndef f() -> None: ...\n\n\nx = f()\n"
    change = "import b\n\n\ndef g() -> int: ...\n\n\ndef f() -> int: ...\n"
    expected = "import a\nimport b\n\n\ndef g() -> int: ...\n\n\ndef f() -> int: ...\n\n\nx = f()\n"
    assert scenarios.changed(program, change) == expected


@pytest.mark.parametrize(
    "quoted, output, same",
    [
        ("a …\n", "a b\n", True),
        ("…\nend\n", "one\ntwo\nend\n", True),
        ("a\n", "a\nb\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_an_ellipsis_stands_for_any_text(quoted: str, output: str, same: bool) -> None:
    assert scenarios.matches(quoted, output) is same
