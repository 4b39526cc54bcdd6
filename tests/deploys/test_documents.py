"""Documents are checked as graphs: a wrong one with a right checksum is refused before anything runs."""

from __future__ import annotations

import asyncio
import copy
import json
from contextlib import suppress
from itertools import product
from typing import Any, Final

import msgspec
import pytest

from tests.budget import is_full, marks_of_tables
from tests.deploys.changes import CHANGES, Old, struct, value_of
from tests.deploys.documents import documents_of, mutations, sealed
from tests.deploys.places import PLACES, Deploy, saved
from tests.execution.pausing import CASES, Case
from typedflow import ContractError, Execution, FinishedError, InterruptError, NoResultError, SnapshotError, Status

pytestmark = marks_of_tables()
LEGAL_ENDS: Final = (ContractError, FinishedError, InterruptError, NoResultError)
"""Of a document that was changed to another legal one: a value that does not fit, an answer that no step waits for."""


@pytest.mark.parametrize("name", CASES)
@pytest.mark.thin(5)
def test_a_document_with_a_wrong_field_is_refused_or_runs_to_a_legal_end(name: str) -> None:
    """The quick form takes a few wrong fields of one moment, the full form a tenth of all at every moment."""
    case, documents = CASES[name], documents_of(name)
    for at, tree in enumerate(documents if is_full() else documents[len(documents) // 2 :][:1]):
        for number, (what, changed) in enumerate(mutations(tree)):
            if (at + number) % (10 if is_full() else 97) == 0:
                _require_legal(case, what, changed)


MORE: Final = struct("Point", ("x", int), ("y", int), ("z", int, 3))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.thin(5)
def test_a_document_with_a_wrong_field_is_refused_or_loaded_behind_a_deploy(place: str) -> None:
    """What has changed is compared, and shown to migrations, before the document is read against the plan."""
    document = json.loads(saved(PLACES[place], Deploy(Old, Old(1, 2))))
    flows = [PLACES[place](Deploy(MORE)), PLACES[place](Deploy(MORE, version=2, migrate=lambda given: given))]
    for number, (_, changed) in enumerate(mutations(document)):
        if number % (1 if is_full() else 47) == 0:
            for flow in flows:
                with suppress(msgspec.ValidationError, SnapshotError):
                    flow.create_execution().load(sealed(changed))


def _require_legal(case: Case, what: str, changed: dict[str, Any]) -> None:
    execution: Execution[Any] = case.build().create_execution()
    try:
        execution.load(sealed(changed))
    except msgspec.ValidationError:
        return
    except SnapshotError:
        assert execution.status is Status.CREATED, what
        return
    try:
        asyncio.run(asyncio.wait_for(_driven(execution, case), 10))
    except LEGAL_ENDS:
        return
    assert execution.status in (Status.COMPLETED, Status.WAITING, Status.CREATED), what


async def _driven(execution: Execution[Any], case: Case) -> None:
    """Rerun what failed or was cut off, and answer what is asked, a few times."""
    if execution.status in (Status.FAILED, Status.RUNNING):
        await execution.async_retry()
    for _ in range(20):
        if not execution.interrupts:
            return
        interrupt = next(iter(execution.interrupts.values()))
        await execution.async_continue_with(interrupt.id, case.answers.get(str(interrupt.payload), 1))


WRONG: Final[dict[str, tuple[str, Any, str, str]]] = {
    "more messages than can be counted": ("for_each", {"received": 2**63}, "received", "no count of that size"),
    "a sequence that no number follows": ("chain", {"sequence": 2**63 - 1}, "sequence", "no count of that size"),
    "a new execution in which something runs": ("chain", {"status": "created"}, "status", "'created' does not go with"),
}


@pytest.mark.parametrize("label", WRONG)
def test_a_wrong_header_is_refused_by_its_path(label: str) -> None:
    name, changes, path, reason = WRONG[label]
    _refused(name, documents_of(name)[-1] | changes, path, reason)


def _refused(name: str, tree: dict[str, Any], path: str, reason: str) -> None:
    execution: Execution[Any] = CASES[name].build().create_execution()
    with pytest.raises(SnapshotError, match=reason) as refused:
        execution.load(sealed(tree))
    assert (refused.value.code, refused.value.path) == ("TF913", path)
    assert execution.status is Status.CREATED


def waiting(name: str) -> dict[str, Any]:
    """Return the first document of a case that waits."""
    return next(tree for tree in documents_of(name) if tree["status"] == "waiting")


def test_an_answered_interrupt_is_refused() -> None:
    tree = waiting("chain")
    tree["interrupts"][0]["status"] = "answered"
    _refused("chain", tree, "interrupts[0].status", "only a pending interrupt")


def test_two_values_of_one_cause_are_refused() -> None:
    tree = waiting("child in child")
    tree["tokens"].append(tree["tokens"][0])
    _refused("child in child", tree, "tokens[1]", "two values at 'inner' of one cause")


def test_two_pools_of_one_collect_are_refused() -> None:
    tree = waiting("collect members")
    tree["pools"].append(tree["pools"][0])
    _refused("collect members", tree, "pools[1]", "'both' has gathered twice")


def test_a_pool_without_a_value_is_refused() -> None:
    tree = waiting("collect members")
    tree["pools"][0]["values"] = {}
    _refused("collect members", tree, "pools[0].values", "a value was expected for each cause")


def test_a_block_that_has_launched_nothing_is_refused() -> None:
    tree = waiting("batch branch")
    tree["interrupts"], tree["tokens"] = [], []
    tree["joins"][0] |= {"launched": 0}
    _refused("batch branch", tree, "joins[0].launched", "has launched an item")


def test_a_result_of_an_item_that_was_not_launched_is_refused() -> None:
    tree = waiting("for_each by 1")
    tree["joins"][0]["slots"][2] = [5]
    tree["joins"][0]["launched"] = 2
    tree["interrupts"] = tree["interrupts"][:2]
    _refused("for_each by 1", tree, "joins[0].slots", "an item that was not launched has no result")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("hits", [[0, 9], [0, 0], [0, 2**63]])
def test_a_branch_that_there_never_was_is_refused(hits: list[int], version: int) -> None:
    """A migration is shown the values by their branches, before anything else of them is read."""
    document = json.loads(saved(PLACES["match_slot"], Deploy(int, 5)))
    document["joins"][0]["hits"] = hits
    flow = PLACES["match_slot"](Deploy(int, version=version, migrate=None if version == 1 else lambda given: given))
    with pytest.raises(SnapshotError, match="'match' had 2 branches") as refused:
        flow.create_execution().load(sealed(document))
    assert (refused.value.code, refused.value.path) == ("TF913", "joins[0].hits")


@pytest.mark.parametrize(
    "changes, path, reason",
    [
        ({"sequence": 77}, "children[0].sequence", "a child is saved with its parent"),
        ({"status": "created"}, "children[0].status", "a child execution that is open is not 'created'"),
        ({"execution_id": "case"}, "children[0].execution_id", "there are two executions 'case'"),
    ],
)
def test_a_child_that_does_not_go_with_its_parent_is_refused(changes: dict[str, Any], path: str, reason: str) -> None:
    tree = waiting("child in child")
    tree["children"][0] |= changes
    _refused("child in child", tree, path, reason)


ODD: Final[list[Any]] = [
    None, 5, "Level", [], {}, {"ref": "Level"}, {"ref": 5}, {"list": "int"}, {"union": ["int", "None"]},
    {"enum": {"LOW": [1]}}, {"fields": {}}, {"fired or": [], "named": []}, {"parts of tuple": ["int"], "named": []},
]  # fmt: skip


@pytest.mark.parametrize("place", ["token", "batch_slot", "when_or_value", "collect_pool", "result", "each_source"])
def test_a_description_of_a_type_may_be_anything(place: str) -> None:
    """The fingerprint of the plan says that it has changed, and the descriptions are of no type."""
    change = CHANGES["enum in one of two records"]
    document = json.loads(saved(PLACES[place], Deploy(change.old, value_of(change))))
    flow = PLACES[place](Deploy(change.new))
    described: list[Any] = [("nodes",), *([("result_type",)] if "result_type" in document else [])]
    described += [("tokens", at, "coded") for at, token in enumerate(document["tokens"]) if "coded" in token]
    for number, (path, odd) in enumerate(product(_paths(document, described), ODD)):
        if not is_full() and len(path) > 3 and number % 29:  # the roots always
            continue
        changed = copy.deepcopy(document)
        at: Any = changed
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = odd
        with suppress(msgspec.ValidationError, SnapshotError):
            flow.create_execution().load(sealed(changed))


def _paths(document: Any, roots: list[Any]) -> list[tuple[Any, ...]]:
    """Return the paths to everything below some parts of a document."""
    waiting, found = list(roots), []
    for path in waiting:
        part: Any = document
        for key in path:
            part = part[key]
        inner = part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
        below = [(*path, key) for key in inner]
        waiting.extend(below)
        found.extend(below)
    return found
