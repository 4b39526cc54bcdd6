"""One tool call as a flow of its own: it keeps the call while a person is asked about it."""

from __future__ import annotations

from examples.agent.records import Asked, Outcome, Permission, Used
from examples.agent.tools import ASKS, Desk, read_call, use_tool
from typedflow import Contract, Data, Flow, Resources, State


class UseState(State):
    """What is called, and for which tools no person has to be asked any more."""

    asked: Asked
    allowed: list[str] = []


class UseResources(Resources):
    """What the tools work on."""

    desk: Desk


class Use(Contract):
    """Carry out one call, if it is allowed."""

    input: Asked
    result: Outcome
    state: UseState
    resources: UseResources
    stream: Used


def permit(data: Data[Use, Asked]) -> Permission:
    """Check the call, and ask a person where its tool asks for that; the answer is what this step returns."""
    read_call(data.value)
    if data.value.name not in ASKS or data.value.name in data.state.allowed:
        return Permission(allowed=True)
    question = {"tool": data.value.name, "arguments": data.value.arguments}
    return data.pause_for(question, type="tool", interrupt_id=data.value.id)


def carry_out(data: Data[Use, Permission]) -> Outcome:
    """Use the tool; a call that was not allowed is an outcome too, which the model reads."""
    asked, permission = data.state.asked, data.value
    if not permission.allowed:
        return Outcome(asked.id, asked.name, f"a person did not allow it: {permission.note or 'no reason given'}")
    text = use_tool(read_call(asked), data.resources.desk, data.key)
    data.put(Used(asked.name, text))
    return Outcome(asked.id, asked.name, text, permission.always)


def build_use() -> Flow[Use]:
    """Make the flow; it needs the resource `desk` and the state field `asked`."""
    flow = Flow(Use, name="use_tool")
    flow.to(permit).to(carry_out).end()
    return flow
