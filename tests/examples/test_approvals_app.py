"""The application, called as a browser and as a program call it: pages, JSON, 404, 409 and 422, deadlines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest

from examples.approvals.app import Approvals, build_app
from examples.approvals.flow import PATIENCE
from tests.examples.test_approvals_flow import Outbox
from typedflow.stores import HistoryStore, MemoryStore, SQLiteStore
from typedflow.testing import fake_clock

CHAIR = {"what": "a chair", "cents": 12_000, "requester": "ann"}
PAGE = {"accept": "text/html"}
OpenStore = Callable[[], AbstractAsyncContextManager[HistoryStore]]


async def visit(store: OpenStore, mail: Outbox) -> AsyncGenerator[httpx.AsyncClient]:
    app = build_app(store, mail)
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            yield client


@pytest.fixture
def mail() -> Outbox:
    return Outbox()


@pytest.fixture
async def client(mail: Outbox) -> AsyncGenerator[httpx.AsyncClient]:
    async for each in visit(MemoryStore, mail):
        yield each


async def begin(client: httpx.AsyncClient) -> str:
    started = await client.post("/purchases", json=CHAIR)
    assert started.status_code == 201
    return f"/purchases/{started.json()['id']}"


async def test_an_approval_from_the_request_to_the_order(client: httpx.AsyncClient, mail: Outbox) -> None:
    place = await begin(client)
    assert (await client.get(place)).json()["asks"] == ["decide"]
    decided = await client.post(f"{place}/decide", json={"approved": True})
    assert (decided.json()["status"], decided.json()["asks"]) == ("waiting", ["order"])
    ordered = await client.post(f"{place}/order", json={"number": "A-1", "cents": 11_500})
    assert ordered.json()["result"] == {"bought": True, "text": "ordered as A-1 for 115.00"}
    assert [*mail.sent.values()] == ["ann: a chair: ordered as A-1 for 115.00"]


async def test_a_question_comes_with_the_schema_of_its_answer(client: httpx.AsyncClient) -> None:
    asked = (await client.get(f"{await begin(client)}/decide")).json()
    assert asked["asked"] == CHAIR
    assert [*asked["schema"]["$defs"]["Decision"]["properties"]] == ["approved", "budget", "note"]


async def test_with_a_browser(client: httpx.AsyncClient) -> None:
    sent = await client.post("/purchases", data={key: str(value) for key, value in CHAIR.items()}, headers=PAGE)
    assert (sent.status_code, sent.headers["location"]) == (303, "/")
    home = (await client.get("/", headers=PAGE)).text
    place = home.partition('<a href="')[2].partition('"')[0]
    assert "manager: a chair, 120.00" in home
    assert '<input type="checkbox" name="approved">' in (await client.get(place, headers=PAGE)).text
    wrong = await client.post(place, data={"budget": "everybody"}, headers=PAGE)
    assert (wrong.status_code, "TF810" in wrong.text) == (422, True)
    right = await client.post(place, data={"budget": "team", "note": "we have one"}, headers=PAGE)
    assert "refused: we have one" in right.text
    assert "<li>" not in (await client.get("/", headers=PAGE)).text


async def test_a_purchase_that_does_not_fit_is_422(client: httpx.AsyncClient) -> None:
    wrong = await client.post("/purchases", json={**CHAIR, "cents": -1})
    assert (wrong.status_code, wrong.json()) == (422, {"error": "Expected `int` >= 1 - at `$.cents`"})
    assert (await client.post("/purchases", content=b"{")).status_code == 400
    form = await client.post("/purchases", data={"what": "a chair", "cents": "many", "requester": "ann"})
    assert (form.status_code, "Expected `int`, got `str`" in form.text) == (422, True)


async def test_an_unknown_approval_and_an_unknown_question_are_404(client: httpx.AsyncClient) -> None:
    for place in ("/purchases/unknown", "/purchases/unknown/decide", f"{await begin(client)}/decid"):
        assert (await client.get(place)).status_code == 404


async def test_an_answer_to_what_is_not_asked_any_more_is_409(client: httpx.AsyncClient) -> None:
    place = await begin(client)
    for status in (200, 409):
        answered = await client.post(f"{place}/decide", json={"approved": False})
        assert answered.status_code == status, answered.text


async def test_an_answer_that_does_not_fit_is_422_and_the_question_stays(client: httpx.AsyncClient) -> None:
    place = await begin(client)
    wrong = await client.post(f"{place}/decide", json={"approved": "perhaps"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "TF810")
    assert (await client.get(place)).json()["asks"] == ["decide"]


async def test_after_the_deadline_nobody_can_answer(mail: Outbox) -> None:
    with fake_clock() as clock:
        async for client in visit(MemoryStore, mail):
            place = await begin(client)
            clock.advance(PATIENCE + timedelta(seconds=1))
            late = await client.post(f"{place}/decide", json={"approved": True})
            assert late.status_code == 409


async def test_what_is_overdue_is_settled_once(mail: Outbox) -> None:
    with fake_clock() as clock:
        async for client in visit(MemoryStore, mail):
            place = await begin(client)
            approvals: Approvals = client._transport.app.state.approvals  # type: ignore[attr-defined]  # httpx: ours
            assert await approvals.settle(clock.now()) == 0
            clock.advance(PATIENCE)
            assert [await approvals.settle(clock.now()) for _ in range(2)] == [1, 0]
            assert (await client.get(place)).json()["result"]["text"] == "refused: nobody decided in time"
    assert [*mail.sent.values()] == ["ann: a chair: refused: nobody decided in time"]


async def test_another_process_goes_on(tmp_path: Path, mail: Outbox) -> None:
    store = partial(SQLiteStore, tmp_path / "approvals.db")
    place = ""
    async for client in visit(store, mail):
        place = await begin(client)
    async for client in visit(store, mail):
        assert (await client.post(f"{place}/decide", json={"approved": False})).json()["status"] == "completed"
