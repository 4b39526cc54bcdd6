"""The approval as a flow: a manager decides, a buyer orders, the requester gets mail."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Protocol, runtime_checkable

from examples.approvals.records import Decision, Ordered, Outcome, Purchase
from typedflow import Contract, Data, Flow, Resources, State

SMALL: Final = 5_000
"""Cents below which no manager has to decide."""
PATIENCE: Final = timedelta(days=3)
"""How long a manager has; then the purchase counts as refused."""
NOBODY: Final = Decision(approved=False, note="nobody decided in time")


@runtime_checkable
class Mail(Protocol):
    """Send mail; what was sent with a key is not sent again."""

    def send(self, key: str, to: str, text: str) -> None:
        """Send a text to a person."""
        ...


class ApprovalState(State):
    """What one approval keeps while it waits."""

    purchase: Purchase
    decision: Decision | None = None


class ApprovalResources(Resources):
    """What an approval needs of its environment."""

    mail: Mail


class Approval(Contract):
    """A purchase that is to be approved and ordered."""

    input: Purchase
    result: Outcome
    state: ApprovalState
    resources: ApprovalResources


def decide(data: Data[Approval, Purchase]) -> Decision:
    """Approve what is small, and ask a manager about the rest; after the deadline, the answer is no."""
    if data.value.cents < SMALL:
        return Decision(approved=True, note="small")
    question = {"what": data.value.what, "cents": data.value.cents, "requester": data.value.requester}
    return data.pause_for(question, type="manager", interrupt_id="decide", deadline=PATIENCE, default=NOBODY)


def is_approved(data: Data[Approval, Decision]) -> bool:
    """Return True if the purchase may be ordered."""
    return data.value.approved


def order(data: Data[Approval, Decision]) -> Ordered:
    """Ask a buyer to order it, however long that takes."""
    data.state.decision = data.value
    purchase = data.state.purchase
    question = {"what": purchase.what, "cents": purchase.cents, "budget": data.value.budget}
    return data.pause_for(question, type="buyer", interrupt_id="order")


def conclude(data: Data[Approval, Ordered]) -> Outcome:
    """Notify the requester that it is ordered."""
    return _tell(data, Outcome(True, f"ordered as {data.value.number} for {data.value.cents / 100:.2f}"))


def refuse(data: Data[Approval, Decision]) -> Outcome:
    """Notify the requester that it is refused."""
    data.state.decision = data.value
    return _tell(data, Outcome(False, f"refused: {data.value.note or 'no reason given'}"))


def _tell(data: Data[Approval, object], outcome: Outcome) -> Outcome:
    purchase = data.state.purchase
    data.resources.mail.send(data.key, purchase.requester, f"{purchase.what}: {outcome.text}")
    return outcome


def build_flow() -> Flow[Approval]:
    """Make the flow; it needs the resource `mail` and the state field `purchase`."""
    flow = Flow(Approval, name="approval")
    (flow.to(decide).if_condition(is_approved).to(order).to(conclude).else_condition().to(refuse).end_condition().end())
    return flow
