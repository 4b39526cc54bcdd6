"""The agent: its turns, what it streams, the tools that fail, and the one that a person has to allow."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

import pytest

from examples.agent.flow import MOST_TURNS, Agent, build_flow
from examples.agent.models import SCRIPT, Piece, ScriptedModel
from examples.agent.records import Asked, Item, Permission, Token, Used
from typedflow import Execution, Status
from typedflow.testing import run_flow

BEA = '{"to": "bea@example.org", "text": "hello"}'


class Desk:
    def __init__(self) -> None:
        self.notes = {"plan": "Friday: review", "team": "Ann, Bea"}
        self.sent: dict[str, str] = {}

    def send(self, key: str, to: str, text: str) -> None:
        self.sent[key] = f"{to}: {text}"


def start(script: Sequence[Sequence[Piece]], desk: Desk | None = None) -> Execution[Agent]:
    model = ScriptedModel(script)
    execution = build_flow().create_execution(runtime_resources={"model": model, "desk": desk or Desk()})
    execution.start("a question")
    return execution


def tool_messages(execution: Execution[Agent]) -> list[str]:
    return [message.text for message in execution.state.messages if message.role == "tool"]


def test_without_tools_the_first_reply_is_the_answer() -> None:
    assert start([["Friday."]]).result == "Friday."


def test_tools_are_used_until_none_is_called() -> None:
    execution = start([["Wait.", Asked("1", "read_note", '{"name": "plan"}')], ["On Friday."]])
    assert execution.result == "On Friday."
    assert [(message.role, message.text) for message in execution.state.messages] == [
        ("user", "a question"),
        ("assistant", "Wait."),
        ("tool", "Friday: review"),
        ("assistant", "On Friday."),
    ]


@pytest.mark.parametrize(
    "call, said",
    [
        (Asked("1", "read_note", '{"nam": "plan"}'), "failed: the arguments of 'read_note' do not fit"),
        (Asked("1", "read_note", "plan"), "failed: the arguments of 'read_note' do not fit"),
        (Asked("1", "delete_all", "{}"), "failed: there is no tool 'delete_all'; there are search_notes"),
        (Asked("1", "read_note", '{"name": "plans"}'), "failed: there is no note 'plans'"),
        (Asked("1", "search_notes", '{"text": "nothing"}'), "found nothing"),
        (Asked("1", "send_mail", '{"to": "bea", "text": ""}'), "failed: the arguments of 'send_mail' do not fit"),
    ],
)
def test_the_model_reads_what_came_of_its_call(call: Asked, said: str) -> None:
    [text] = tool_messages(start([[call], ["Done."]]))
    assert text.startswith(said)


def test_a_model_that_never_ends_is_stopped() -> None:
    turn: list[Piece] = [Asked("1", "search_notes", '{"text": "a"}')]
    with pytest.raises(RuntimeError, match=f"no answer after {MOST_TURNS} turns"):
        start([turn] * (MOST_TURNS + 1))


def test_mail_waits_for_a_person() -> None:
    desk = Desk()
    calls: list[Piece] = [Asked("1", "send_mail", BEA), Asked("2", "read_note", '{"name": "team"}')]
    execution = start([calls, ["Done."]], desk)
    assert (execution.status, desk.sent) == (Status.WAITING, {})
    assert execution.interrupts["1"].payload == {"tool": "send_mail", "arguments": BEA}
    execution.continue_with("1", Permission(allowed=True))
    assert (execution.result, [*desk.sent.values()]) == ("Done.", ["bea@example.org: hello"])


def test_what_a_person_refuses_is_told_to_the_model() -> None:
    desk = Desk()
    execution = start([[Asked("1", "send_mail", BEA)], ["I did not."]], desk)
    execution.continue_with("1", {"allowed": False, "note": "not now"})
    assert (tool_messages(execution), desk.sent) == (["a person did not allow it: not now"], {})


def test_always_is_kept_for_the_conversation() -> None:
    desk = Desk()
    execution = start([[Asked("1", "send_mail", BEA)], [Asked("2", "send_mail", BEA)], ["Twice."]], desk)
    execution.continue_with("1", Permission(allowed=True, always=True))
    assert (execution.result, len(desk.sent)) == ("Twice.", 2)


def test_the_script_of_the_first_run_survives_another_process() -> None:
    answers = {"call-5": Permission(allowed=True)}
    resources = {"model": ScriptedModel(SCRIPT), "desk": Desk()}
    said = run_flow(build_flow(), "a question", answers=answers, resources=resources, reload=True)
    assert said == "Done: Bea knows that the review is on Friday at ten."


async def test_words_and_uses_are_streamed() -> None:
    script: list[list[Piece]] = [["One moment.", Asked("1", "read_note", '{"name": "plan"}')], ["Friday."]]
    resources = {"model": ScriptedModel(script), "desk": Desk()}
    execution = build_flow().create_execution(runtime_resources=resources)
    async with aclosing(execution.stream("a question")) as stream:
        items: list[Item] = [item async for item in stream]
    assert items == [Token("One "), Token("moment. "), Used("read_note", "Friday: review"), Token("Friday. ")]
