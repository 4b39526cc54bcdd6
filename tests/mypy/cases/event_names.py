"""Events: emitted, waited for, answered with."""

from __future__ import annotations

from typing import Final, Literal

from shop import Approval, Plain, Shop

from typedflow import Data, Execution

APPROVED: Final = "approved"


def emitting(data: Data[Shop, object], execution: Execution[Shop], name: Literal["approved", "ticked"]) -> None:
    data.emit("approved", Approval(ok=True))
    data.emit("stopped")
    data.emit("stopped", None)
    data.emit(APPROVED, payload=Approval(ok=True))
    data.emit("aproved", Approval(ok=True))
    #         ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
    data.emit("approved", "yes")
    #                     ^ E: TF502: event 'approved' carries Approval, not str (emit it with a value of Approval)  [typedflow-event]
    data.emit("approved")
    #         ^ E: TF502: event 'approved' carries Approval, not None (emit it with a value of Approval)  [typedflow-event]
    data.emit(event="ticked", payload="x")
    #                                 ^ E: TF502: event 'ticked' carries int, not str (emit it with a value of int)  [typedflow-event]
    data.emit(name, 1)
    #               ^ E: TF502: event 'approved' carries Approval, not int (emit it with a value of Approval)  [typedflow-event]
    execution.emit("ticked", "x")
    #                        ^ E: TF502: event 'ticked' carries int, not str (emit it with a value of int)  [typedflow-event]
    execution.emit("tickd", 1)
    #              ^ E: TF501: contract 'Shop' declares no event 'tickd' (did you mean 'ticked'?)  [typedflow-event]


def undeclared(data: Data[Plain, object]) -> None:
    data.emit("approved")
    #         ^ E: TF503: contract 'Plain' declares no events (add an Events class to Plain: `events: PlainEvents`)  [typedflow-event]


def pausing(data: Data[Shop, object], later: str, which: int) -> Approval:
    if which == 1:
        data.pause_for("sure?", resume_event="aproved")
        #                                    ^ E: TF501: contract 'Shop' declares no event 'aproved' (did you mean 'approved'?)  [typedflow-event]
    if which == 2:
        data.pause_for("sure?", resume_event=None)
    if which == 3:
        data.pause_for("sure?", resume_event=later)
    data.pause_for("sure?", type="human", resume_event="approved")
