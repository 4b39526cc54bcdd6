"""`formerly=`: the names that nodes, branches and cases had in earlier definitions."""

from __future__ import annotations

from typing import Any

import pytest

from typedflow import Contract, ContractError, Data, Flow


class Review(Contract):
    input: str
    result: str


def draft(data: Data[Review, str]) -> str:
    return data.value


def polish(data: Data[Review, str]) -> str:
    return data.value


def joined(data: Data[Review, tuple[str, str]]) -> str:
    return "".join(data.value)


def chain(first: Any, second: Any) -> Flow[Any]:
    flow: Any = Flow(Review, name="review")
    flow.to(draft, formerly=first).to(polish, formerly=second).end()
    return flow  # type: ignore[no-any-return]  # the flow


def branches(first: Any, second: Any) -> Flow[Any]:
    flow: Any = Flow(Review, name="review")
    block = flow.to(draft).batch().branch(draft, name="a", formerly=first).branch(polish, name="b", formerly=second)
    block.end_batch().to(joined).end()
    return flow  # type: ignore[no-any-return]  # the flow


def test_former_names_of_their_own_are_taken() -> None:
    chain(("ask", "write"), ("shorten",)).validate()
    branches(("x",), ("y",)).validate()


@pytest.mark.parametrize("given", ["ask", ["ask"], None, ("ask", 5), 5])
def test_other_than_a_tuple_of_names_is_refused_at_the_call(given: Any) -> None:
    with pytest.raises(ContractError, match="formerly is a tuple of names") as caught:
        chain(given, ())
    assert caught.value.code == "TF740"


@pytest.mark.parametrize(
    "build, first, second, text",
    [
        (chain, ("polish",), (), "'polish' is in use by a node of today, and by 'draft'"),
        (chain, ("ask",), ("ask",), "'ask' is in use by 'draft' and 'polish'"),
        (branches, ("b",), (), "'b' is in use by a branch of '"),
        (branches, ("x",), ("x",), "'x' is in use by branches 'a' and 'b'"),
    ],
)
def test_a_former_name_leads_to_one_node(build: Any, first: Any, second: Any, text: str) -> None:
    with pytest.raises(ContractError, match="TF740") as caught:
        build(first, second).validate()
    assert text in str(caught.value)
