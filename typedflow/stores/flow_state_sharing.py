"""What a store does that keeps the flow_states of flows, shared by the executions of all processes that use it.

A store that is no `FlowStateStore` leaves them in the snapshots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, final


@final
@dataclass(frozen=True, slots=True)
class FlowStateChange:
    """Change the stored flow_state of a flow together with a save.

    `replay` gets the stored bytes, None when there are none, and returns the new ones. It runs inside the transaction
    of the save, maybe on another thread, and once more when the transaction has to be repeated: it must be pure and
    quick, and must not call the store. If it raises, nothing is written and the error reaches the caller of `put`.

    >>> change = FlowStateChange("review", replay=lambda data: data or b"{}", ended=("search",))
    >>> change.replay(None)
    b'{}'
    """

    flow: str
    replay: Callable[[bytes | None], bytes] | None
    """None where the flow_state stays as it is."""
    ended: tuple[str, ...] | None = ()
    """The steps of the execution whose update keys are deleted; None deletes all keys of the execution."""


@final
@dataclass(frozen=True, slots=True)
class UpdateKey:
    """Identify one update of a flow_state, so that a step that runs again after a crash does not repeat it.

    A store keeps it, with the returned value, until a save names its step in `FlowStateChange.ended`, or the execution
    is deleted.

    >>> key = UpdateKey("r-1", "r-1/search", "1/count/0")
    >>> async def main(store: MemoryStore) -> bytes:
    ...     await store.update_flow_state("review", key, lambda data: FlowStateUpdate(b"1", b"1"))
    ...     return await store.update_flow_state("review", key, lambda data: FlowStateUpdate(b"2", b"2"))
    >>> asyncio.run(main(MemoryStore()))  # the first value: the second call changed nothing
    b'1'
    """

    execution_id: str
    step: str
    """The key of the step, `data.key`."""
    call: str
    """Which of the step's updates it is."""
    holder: str | None = field(default=None, compare=False)
    """Who runs the execution under a lease: if another holder has it by now, the update is a `LeaseLostError`, as the
    other one makes it, or has made it. None where there are no leases. Not a part of the identity."""
    fence: int | None = field(default=None, compare=False)
    """The fence of the holder's lease, where it has one."""


@final
@dataclass(frozen=True, slots=True)
class FlowStateUpdate:
    """What the change of an update returns: the new flow_state, and the value for the caller, in JSON.

    >>> FlowStateUpdate(data=b'{"reviews": 2}', value=b"2").value
    b'2'
    """

    data: bytes
    value: bytes


Update: TypeAlias = Callable[[bytes | None], FlowStateUpdate]
"""Changes a flow_state: gets the stored bytes, None when there are none."""


class FlowStateStore(Protocol):
    """Share flow_states between executions and processes: a capability that a SnapshotStore may have as well.

    >>> def add(data: bytes | None) -> FlowStateUpdate:
    ...     number = int(data or b"0") + 1
    ...     return FlowStateUpdate(b"%d" % number, b"%d" % number)
    >>> async def main(store: FlowStateStore) -> bytes:
    ...     await store.update_flow_state("review", None, add)
    ...     return await store.update_flow_state("review", None, add)
    >>> asyncio.run(main(MemoryStore()))
    b'2'
    """

    async def update_flow_state(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Change a flow_state in one transaction that holds its lock from the read to the commit.

        `change` is called once at most. The flow_state, the key and the value are committed together, or nothing where
        `change` raises. Returns the value; where the key is stored already, the value that was stored with it, and
        `change` is not called. A failure of which it is not known whether the commit came through is settled by the
        key: if the key is stored the call returns, otherwise it raises `StoreError`.
        """
        ...


class SyncFlowStateStore(Protocol):
    """Update flow_states in a plain call as well; a store may have this too.

    >>> store: SyncFlowStateStore = MemoryStore()
    >>> store.update_flow_state_sync("review", None, lambda data: FlowStateUpdate(b"{}", b"1"))
    b'1'
    """

    def update_flow_state_sync(self, flow: str, key: UpdateKey | None, change: Update) -> bytes:
        """Do what `update_flow_state` does, and call `change` on this thread."""
        ...
