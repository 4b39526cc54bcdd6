"""B50: runs in documents that are sound by themselves, and not what the flow could have saved."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from tests.execution.pausing import (
    CASES,
    Leaf,
    Talk,
    ask,
    begin,
    document,
    increment,
    show,
    three,
)
from tests.snapshot.golden import running
from typedflow import Contract, Data, Flow, Snapshot, SnapshotError
from typedflow.snapshot.envelope import ScopeRecord, TokenRecord
from typedflow.snapshot.nesting import nesting_of

Edit = Callable[[Snapshot], None]


def _saved(name: str) -> Snapshot:
    async def save() -> Snapshot:
        return (await begin(CASES[name])).save()

    return asyncio.run(save())


def _token(**changes: Any) -> Edit:
    def edit(snapshot: Snapshot) -> None:
        snapshot.tokens[0] = replace(snapshot.tokens[0], **changes)

    return edit


def _join(**changes: Any) -> Edit:
    def edit(snapshot: Snapshot) -> None:
        snapshot.joins[0] = replace(snapshot.joins[0], **changes)

    return edit


def _pool(**changes: Any) -> Edit:
    def edit(snapshot: Snapshot) -> None:
        snapshot.pools[0] = replace(snapshot.pools[0], **changes)

    return edit


def _asked(**changes: Any) -> Edit:
    def edit(snapshot: Snapshot) -> None:
        token = replace(snapshot.interrupts[0].token, **changes)
        snapshot.interrupts[0] = replace(snapshot.interrupts[0], token=token)

    return edit


def _refused(snapshot: Snapshot, name: str, path: str, reason: str) -> None:
    execution = CASES[name].build().create_execution(execution_id="mine")
    before = document(execution)
    with pytest.raises(SnapshotError) as refused:
        execution.load(snapshot)
    assert refused.value.path == path
    assert reason in str(refused.value)
    assert document(execution) == before


FULL = {"counted": Raw(b"1"), "asked": Raw(b'{"text":"a","score":1}')}

WAITING: list[tuple[str, Edit, str, str]] = [
    ("chain", _asked(node="nowhere"), "interrupts[0]", "the flow has no node 'nowhere'"),
    ("chain", _asked(producer="nowhere"), "interrupts[0]", "the flow has no node 'nowhere'"),
    ("for_each", _asked(scope=None), "joins[0].slots[0]", "nothing in flight would give one"),
    ("for_each", _join(slots=[[Raw(b"1")], [], []]), "interrupts[0].token.scope", "'ask' is in an item that has ended"),
    ("side branch in each", _asked(scope=None), "interrupts[0].token.scope", "'ask' is not in that block"),
    ("all arms", _asked(scope=ScopeRecord(join=0, item=1)), "joins[0].slots[0]", "nothing in flight would give one"),
    ("for_each", _join(node="increment"), "joins[0]", "'increment' opens no block"),
    ("for_each", _join(hits=(0, 0, 0)), "joins[0]", "hits do not go with 'for_each'"),
    ("for_each", _join(slots=[[]] * 4, source=Raw(b"[]")), "joins[0].source", "1 items expected"),
    ("for_each", _join(slots=[[]] * 4), "joins[0].source", "does not fit"),
    ("all arms", _join(hits=None), "joins[0]", "hits do not go with 'match'"),
    ("all arms", _join(hits=(0, 9)), "joins[0].hits", "'match' had 4 branches"),
    (
        "batch branch",
        _join(slots=[[Raw(b"3")], [], [], [Raw(b"3")]], launched=4),
        "joins[0].hits",
        "'batch' had 3 branches",
    ),
    ("batch branch", _join(slots=[[Raw(b'"x"')], [], []]), "joins[0].slots[0]", "does not fit"),
    (
        "collect members",
        _pool(values={"other": Raw(b"1")}, causes={"other": ""}),
        "pools[0].values.other",
        "has no such branch",
    ),
    ("collect members", _pool(values={"counted": Raw(b'"x"')}), "pools[0].values.counted", "does not fit"),
    ("collect members", _pool(values=FULL, causes=dict.fromkeys(FULL, "")), "pools[0]", "'both' has a value of every"),
    ("collect in each", _pool(scope=None), "pools[0].scope", "'both' is not in that block"),
    ("child in child", _token(node="note_down"), "tokens[0].value", "'note_down' does not lead to 'note_down'"),
    ("child in child", _token(value=Raw(b'"x"')), "tokens[0].value", "does not fit"),
]


@pytest.mark.parametrize("name, edit, path, reason", WAITING, ids=lambda part: part if isinstance(part, str) else "")
def test_b50_what_does_not_go_with_the_flow_is_refused_by_its_path(
    name: str, edit: Edit, path: str, reason: str
) -> None:
    snapshot = _saved(name)
    edit(snapshot)
    _refused(snapshot, name, path, reason)


RUNNING: list[tuple[str, str, Raw, str, str]] = [
    (
        "collect members",
        "show",
        Raw(b'{"asked":{"text":"a","score":1}}'),
        "tokens[0].value",
        "nothing for branch 'counted'",
    ),
    ("collect members", "show", Raw(b'{"asked":1,"counted":1,"x":1}'), "tokens[0].value", "there is no branch 'x'"),
    ("collect members", "show", Raw(b"[]"), "tokens[0].value", "does not fit"),
    (
        "behind when or",
        "ask_which",
        Raw(b'["event","never",1]'),
        "tokens[0].value",
        "there is no trigger 'event never'",
    ),
    ("behind when or", "ask_which", Raw(b'["event","rung","x"]'), "tokens[0].value", "does not fit"),
    ("behind when or", "ask_which", Raw(b"5"), "tokens[0].value", "does not fit"),
    ("into when and", "show", Raw(b'{"event":{"never":1}}'), "tokens[0].value", "there is no trigger 'event never'"),
    (
        "into when and",
        "show",
        Raw(b'{"event":{"rung":"x","knocked":""},"state":{"note":""}}'),
        "tokens[0].value.event.rung",
        "does not fit",
    ),
    ("into when and", "show", Raw(b'{"event":{"rung":1}}'), "tokens[0].value", "nothing for trigger 'event knocked'"),
    ("into when and", "show", Raw(b'{"event":5}'), "tokens[0].value[...]", "does not fit"),
]


@pytest.mark.parametrize("name, step, value, path, reason", RUNNING, ids=lambda part: str(part)[:20])
def test_b50_a_value_of_several_parts_is_read_strictly(
    name: str, step: str, value: Raw, path: str, reason: str
) -> None:
    snapshot = asyncio.run(running(CASES[name], step))
    assert snapshot.tokens[0].node == step
    snapshot.tokens[0] = replace(snapshot.tokens[0], value=value)
    _refused(snapshot, name, path, reason)


def test_b50_two_children_of_one_token_are_refused() -> None:
    snapshot = _saved("child in child")
    snapshot.children.append(snapshot.children[0])
    _refused(snapshot, "child in child", "children[1]", "two children")


def test_b50_a_bounded_batch_keeps_its_source_for_the_branches_to_come() -> None:
    snapshot = asyncio.run(running(CASES["bounded batch"], "ask"))
    (join,) = snapshot.joins
    assert (join.launched, bytes(join.source)) == (1, b"1")
    snapshot.joins[0] = replace(join, source=Raw(b'"x"'))
    _refused(snapshot, "bounded batch", "joins[0].source", "does not fit")


def test_b50_a_token_that_moved_into_a_block_has_no_round_there() -> None:
    """Its name and type are the same, so that only its place tells."""

    class Numbers(Contract):
        input: list[int]
        result: list[int]

    def same(data: Data[Numbers, Any]) -> Any:
        return data.value

    async def save() -> Snapshot:
        saved: list[Snapshot] = []
        outside: Any = Flow(Numbers)

        def step(data: Data[Numbers, Any]) -> Any:
            saved.append(execution.save())
            return data.value

        outside.to(same).to(step).end()
        execution = outside.create_execution()
        await execution.async_start([1])
        return saved[0]

    def step(data: Data[Numbers, Any]) -> Any:
        return data.value

    inside: Any = Flow(Numbers)
    inside.to(same).for_each().to(step).end_for_each().end()
    with pytest.raises(SnapshotError, match="node 'step', which is not in that block any more") as refused:
        inside.create_execution().load(asyncio.run(save()))
    assert refused.value.path == "tokens[0].scope"


def test_the_blocks_of_a_plan_are_those_that_open_rounds() -> None:
    child: Any = Flow(Leaf, name="child")
    child.to(increment).end()
    flow: Any = Flow(Talk)
    items = flow.to(three).for_each().if_condition(lambda data: True).to(ask, name="in if").end_condition()
    inner = items.match(mode="hit_all").case(1).to(ask, name="in match").case(2).to_sub_flow(child).end_match()
    inner.to(lambda data: 1).to(ask, name="behind match").batch().branch(ask, name="in batch").end_batch().to(
        show
    ).end_for_each()
    flow.when("rung").to(ask, name="listening")
    flow.to(increment, name="outside").to(show).end()
    execution = flow.create_execution()
    plan = execution._runtime.plan
    names = {node.name: node.index for node in plan.nodes}
    blocks = {
        name: None if index not in nesting_of(plan) else plan.nodes[nesting_of(plan)[index][0]].name
        for name, index in names.items()
    }
    assert {name: blocks[name] for name in ("three", "outside", "listening", "for_each")} == dict.fromkeys(
        ("three", "outside", "listening", "for_each")
    )
    assert blocks["in if"] == blocks["behind match"] == "for_each"
    assert blocks["in match"] == blocks["child"] == "match"
    assert blocks["in batch"] == "batch"


def test_a_listener_outside_takes_no_scope() -> None:
    snapshot = _saved("behind when")
    loop = _saved("for_each")
    scoped = TokenRecord(node="ask", value=Raw(b"1"), producer="when", scope=ScopeRecord(join=0, item=0))
    snapshot.joins.append(loop.joins[0])
    snapshot.tokens.append(scoped)
    with pytest.raises(SnapshotError):
        CASES["behind when"].build().create_execution().load(snapshot)


def test_documents_hold_names_and_no_indexes() -> None:
    tree = json.loads(_saved("for_each").to_json())
    assert tree["joins"][0]["node"] == "for_each"
    assert {interrupt["token"]["node"] for interrupt in tree["interrupts"]} == {"ask"}
