"""The plugin lets a dict that `when` or `collect` made go on where the runtime takes the value, and nowhere else."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import pytest

from tests.mypy.programs import CASES, strip
from typedflow import ContractError

PATH: Final = CASES / "made_dicts.py"
SOURCE: Final = PATH.read_text(encoding="utf-8")


def rows() -> Iterator[tuple[str, bool]]:
    """Yield the functions that build a flow, and whether the plugin lets theirs pass."""
    lines = SOURCE.splitlines()
    for node in ast.parse(SOURCE).body:
        if isinstance(node, ast.FunctionDef) and not node.args.args:
            # an error of the last line stands below it
            body = lines[node.lineno : (node.end_lineno or node.lineno) + 1]
            yield node.name, not any(" E: TF7" in line for line in body)


@pytest.fixture(scope="module")
def module() -> Iterator[ModuleType]:
    made = sys.modules["made_dicts"] = ModuleType("made_dicts")
    exec(compile(strip(SOURCE), str(PATH), "exec"), vars(made))
    yield made
    del sys.modules["made_dicts"]


@pytest.mark.parametrize("name, is_right", list(rows()))
@pytest.mark.thin(5)
def test_the_runtime_takes_what_the_plugin_lets_pass(module: ModuleType, name: str, is_right: bool) -> None:
    flow: Any = vars(module)[name]()
    if is_right:
        flow.validate()
        flow.start(None)
        return
    with pytest.raises(ContractError, match=r"^TF(813|70[12])"):
        flow.start(None)
