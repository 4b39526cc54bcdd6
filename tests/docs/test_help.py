"""What `help()` shows of the classes that users work with: what they may call, in names that they know."""

from __future__ import annotations

import inspect
import pydoc
import re
from typing import Any

import pytest

import typedflow
import typedflow.stores
from typedflow import Data, Execution, Flow, Process, State
from typedflow.api.process import Batch, Match

CLASSES: list[type[Any]] = [Data, Process, Execution, Flow, Match, Batch]
KNOWN = {
    *typedflow.__all__,
    *typedflow.stores.__all__,
    *(
        "None",
        "True",
        "False",
        "Any",
        "AsyncGenerator",
        "Callable",
        "Mapping",
        "Sequence",
        "NoReturn",
        "PathLike",
        "UNSET",
    ),
    *("Batch", "Match", "C", "V", "W", "T", "S", "In", "Ts", "X", "Fail", "R", "Exception"),
    # names of choices and of unions
    *("Checkpoint", "CollectMode", "Config", "Form", "Format", "MatchMode", "Source", "WhenMode"),
}


def sections(cls: type[Any]) -> dict[str, str]:
    """Return the parts of the page by their headings."""
    text = pydoc.plain(pydoc.render_doc(cls))
    parts = re.split(r"^ \|  ([A-Z][a-z]+ .*):$", text, flags=re.M)
    return dict(zip(["", *parts[1::2]], parts[::2], strict=True))


def signatures(text: str) -> list[str]:
    return re.findall(r"^ \|  (?:async )?(\w+\(.*)$", text, re.M)


@pytest.mark.parametrize("cls", CLASSES)
def test_no_private_method_and_no_constructor_that_users_do_not_call(cls: type[Any]) -> None:
    own = "".join(text for heading, text in sections(cls).items() if "inherited from typing" not in heading)
    called = {signature.partition("(")[0] for signature in signatures(own)}
    assert called, own
    assert {name for name in called if name.startswith("_")} <= (
        {"__init__", "__repr__"} if cls is Flow else {"__repr__"}
    )


@pytest.mark.parametrize("cls", CLASSES)
def test_signatures_name_what_users_know(cls: type[Any]) -> None:
    for text in sections(cls).values():
        for signature in signatures(text):
            assert set(re.findall(r"\b[A-Z]\w*", signature)) <= KNOWN, signature


@pytest.mark.parametrize("cls", CLASSES)
def test_no_internal_name_is_shown_of_the_class_itself(cls: type[Any]) -> None:
    page = pydoc.plain(pydoc.render_doc(cls))
    assert not re.search(r"\b(Builder|Cursor|StepTransaction|ExecutionRuntime|FlowRuntime|Runner)\b", page)


def test_a_chain_shows_its_contract_and_its_value() -> None:
    assert inspect.signature(Process.end_for_each).return_annotation == "Process[C, list[W | Fail]]"
    assert (
        str(inspect.signature(Execution.start)) == "(self, value: 'T', *, timeout: 'float | None' = None) -> 'Status'"
    )


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls is not Flow])
def test_no_arguments_make_one(cls: type[Any]) -> None:
    with pytest.raises(TypeError, match="takes no arguments"):
        cls(State())
