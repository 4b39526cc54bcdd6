"""The agent as a flow: the model replies, its calls are carried out at once, and it replies again."""

from __future__ import annotations

from typing import Final

from examples.agent.models import Model
from examples.agent.records import Asked, Item, Message, Outcome, Token
from examples.agent.tools import Desk
from examples.agent.use import build_use
from typedflow import Contract, Data, Events, Failed, Flow, Resources, Retry, State

MOST_TURNS: Final = 10
NETWORK: Final = Retry(attempts=3, backoff=0.5, on=(OSError, TimeoutError))


class Chat(State):
    """What a conversation keeps; all that the model is told is in it."""

    messages: list[Message] = []
    allowed: list[str] = []
    """The tools that a person has allowed for good."""


class AgentResources(Resources):
    """What the agent needs of its environment."""

    model: Model
    desk: Desk


class AgentEvents(Events):
    """What starts the next turn: its number."""

    turn: int


class Agent(Contract):
    """Answer a question with the help of tools."""

    input: str
    result: str
    state: Chat
    resources: AgentResources
    events: AgentEvents
    stream: Item


def begin(data: Data[Agent, str]) -> None:
    """Put the question to the model."""
    data.state.messages.append(Message("user", data.value))
    data.emit("turn", 1)


async def think(data: Data[Agent, int]) -> list[Asked]:
    """Stream what the model says, keep it, and return the calls that it wants."""
    if data.value > MOST_TURNS:
        raise RuntimeError(f"no answer after {MOST_TURNS} turns")
    said, calls = "", list[Asked]()
    async for piece in data.resources.model.reply(data.state.messages):
        if isinstance(piece, Asked):
            calls.append(piece)
        else:
            said += piece
            data.put(Token(piece))
    data.state.messages.append(Message("assistant", said.strip(), tuple(calls)))
    return calls


def has_calls(data: Data[Agent, list[Asked]]) -> bool:
    """Return True if the model wants to use tools."""
    return bool(data.value)


def explain(data: Data[Agent, Failed[Asked]]) -> Outcome:
    """Describe why a call failed, so that the model can do better."""
    call = data.value.value
    return Outcome(call.id, call.name, f"failed: {data.value.text}")


def note(data: Data[Agent, list[Outcome]]) -> None:
    """Add the outcomes to the conversation, and start the next turn."""
    for outcome in data.value:
        data.state.messages.append(Message("tool", outcome.text, call=outcome.call))
        if outcome.always:
            data.state.allowed.append(outcome.tool)
    turns = sum(message.role == "assistant" for message in data.state.messages)
    data.emit("turn", turns + 1)


def answer(data: Data[Agent, list[Asked]]) -> None:
    """Make the last message the result."""
    data.set_result(data.state.messages[-1].text)


def build_flow() -> Flow[Agent]:
    """Make the flow; it needs the resources `model` and `desk`."""
    flow = Flow(Agent, name="agent")
    flow.to(begin)
    turn = flow.when_event(AgentEvents.turn).to(think, retry=NETWORK).if_condition(has_calls)
    outcomes = turn.for_each(concurrency=4).to_sub_flow(
        build_use(),
        capture={
            "input": "value",
            "state": {"asked": "value", "allowed": "state.allowed"},
            "resources": {"desk": "resources.desk"},
        },
        on_error=explain,
    )
    outcomes.end_for_each().to(note).else_condition().to(answer).end_condition()
    return flow
