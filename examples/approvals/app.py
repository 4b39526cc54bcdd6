"""The web application: start an approval, show what it asks as a form, take the answer as a form or as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from html import escape
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from examples.approvals.flow import Approval, Mail, build_flow
from examples.approvals.forms import read_form, render_form
from examples.approvals.records import Purchase
from typedflow import ConflictError, Execution, Interrupt, TypedflowError
from typedflow.stores import HistoryStore

PURCHASE: Final = msgspec.json.schema(Purchase)
STATUSES: Final = {"TF921": 404, "TF816": 404, "TF807": 404, "TF810": 422}
"""The status of a numbered error; that of others is 409: the approval is not where the request takes it to be."""


class Approvals:
    """The approvals of one store: started, opened, answered, and what is overdue settled."""

    def __init__(self, store: HistoryStore, mail: Mail) -> None:
        self.store = store
        self.flow = build_flow()
        self.flow.update_runtime_resources(mail=mail)

    async def start(self, purchase: Purchase) -> Execution[Approval]:
        """Start an approval and return it; its id is in the answer, and in each form."""
        execution = self.flow.create_execution(state={"purchase": purchase}, store=self.store, checkpoint="step")
        await execution.async_start(purchase)
        return execution

    async def open(self, key: str) -> Execution[Approval]:
        """Open a stored approval; `SnapshotError` with the number TF921 where there is none."""
        return await self.flow.async_open(key, store=self.store, checkpoint="step")

    async def settle(self, now: datetime) -> int:
        """Answer every question whose deadline has passed with its default; return how many there were."""
        overdue = {
            pending.execution_id
            for pending in await self.store.pending(self.flow.name)
            if pending.deadline is not None and pending.deadline <= now
        }
        for key in overdue:
            with suppress(ConflictError):  # another process was first
                await (await self.open(key)).async_settle()
        return len(overdue)

    async def keep_settling(self, seconds: float) -> None:
        """Settle what is overdue every so often, until this is cancelled."""
        while True:
            await self.settle(datetime.now(UTC))
            await asyncio.sleep(seconds)


def build_app(
    store: Callable[[], AbstractAsyncContextManager[HistoryStore]], mail: Mail, *, seconds: float = 30.0
) -> Starlette:
    """Make the application; `store` makes the store that it opens, `seconds` are between two looks for deadlines."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        async with store() as opened:
            app.state.approvals = Approvals(opened, mail)
            settling = asyncio.create_task(app.state.approvals.keep_settling(seconds))
            try:
                yield
            finally:
                settling.cancel()
                with suppress(asyncio.CancelledError):
                    await settling

    routes = [
        Route("/", home),
        Route("/purchases", start, methods=["POST"]),
        Route("/purchases/{key}", show),
        Route("/purchases/{key}/{question}", ask),
        Route("/purchases/{key}/{question}", answer, methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {TypedflowError: refuse, msgspec.ValidationError: refuse, msgspec.DecodeError: refuse}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)


# -- the pages


async def home(request: Request) -> Response:
    """Show what waits for an answer, and the form that asks for a purchase."""
    approvals = _approvals(request)
    rows = [
        f'<li><a href="/purchases/{each.execution_id}/{each.interrupt_id}">{escape(each.type)}: '
        f"{escape(str(each.payload['what']))}, {each.payload['cents'] / 100:.2f}</a></li>"
        for each in await approvals.store.pending(approvals.flow.name)
    ]
    return _page("Purchases", f"<ul>{''.join(rows)}</ul>\n{render_form(PURCHASE, '/purchases')}")


async def start(request: Request) -> Response:
    """Start an approval; 422 if what was sent is no purchase."""
    sent, data = await _sent(request, PURCHASE)
    try:
        purchase = msgspec.convert(data, Purchase)
    except msgspec.ValidationError as error:
        if sent is None:
            raise
        return _page("Purchases", render_form(PURCHASE, "/purchases", sent, str(error)), 422)
    return _status(await _approvals(request).start(purchase), sent is not None, 201)


async def show(request: Request) -> Response:
    """Show where an approval stands."""
    return _status(await _approvals(request).open(request.path_params["key"]), _wants_page(request))


async def ask(request: Request) -> Response:
    """Show a question as a form, or with its JSON Schema; 409 if it is not pending."""
    _, question = await _question(request)
    schema = _approvals(request).flow.answer_schema(question)
    if not _wants_page(request):
        return _json({"asked": question.payload, "schema": schema})
    return _page(f"For the {question.type}", _asked(question) + render_form(schema, request.url.path))


async def answer(request: Request) -> Response:
    """Answer a question: 404 for an unknown approval, 409 if it is not pending, 422 if the answer does not fit."""
    approvals = _approvals(request)
    execution, question = await _question(request)
    schema = approvals.flow.answer_schema(question)
    sent, data = await _sent(request, schema)
    try:
        await execution.async_continue_with(question, data)
    except TypedflowError as error:
        if sent is None or error.code != "TF810":
            raise
        form = _asked(question) + render_form(schema, request.url.path, sent, str(error))
        return _page(f"For the {question.type}", form, 422)
    return _status(execution, sent is not None)


async def refuse(request: Request, error: Exception) -> Response:
    """Render an error of typedflow, or of a document that cannot be decoded."""
    if isinstance(error, TypedflowError):
        return _json({"error": str(error), "code": error.code}, STATUSES.get(error.code, 409))
    return _json({"error": str(error)}, 422 if isinstance(error, msgspec.ValidationError) else 400)


# -- what they share


def _approvals(request: Request) -> Approvals:
    found: Approvals = request.app.state.approvals
    return found


async def _question(request: Request) -> tuple[Execution[Approval], Interrupt]:
    """Open the approval and return its question; one that is not pending raises what an answer to it raises."""
    execution = await _approvals(request).open(request.path_params["key"])
    name = request.path_params["question"]
    if name not in execution.interrupts:
        await execution.async_continue_with(name, None)
    return execution, execution.interrupts[name]


async def _sent(request: Request, schema: Mapping[str, Any]) -> tuple[dict[str, str] | None, Any]:
    """Return the fields of a form, None for JSON, and the plain data of either."""
    body = await request.body()
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None, msgspec.json.decode(body)
    sent = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return sent, read_form(schema, sent)


def _status(execution: Execution[Approval], to_page: bool, code: int = 200) -> Response:
    if to_page and execution.interrupts:
        return RedirectResponse("/", 303)
    result = execution.result if execution.status == "completed" else None
    if to_page:
        return _page("Purchase", f"<p>{escape(result.text if result else execution.status)}</p>")
    return _json(
        {"id": execution.id, "status": execution.status, "asks": [*execution.interrupts], "result": result}, code
    )


def _asked(question: Interrupt) -> str:
    rows = "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in question.payload.items())
    return f"<dl>{rows}</dl>\n"


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _page(title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(f"<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n{body}\n", status)
