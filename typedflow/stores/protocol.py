"""What every store of snapshots does, and the records it keeps.

A store knows bytes and a few columns. What the bytes mean is not its business: it never decodes them.

What is left open, on purpose:

- *Leases with fencing*: a lease is a row of its own beside the record, taken and renewed by calls of a second protocol;
  `put` gets one more keyword (`fence`), checked in the transaction that checks the sequence.
- *Other databases*: nothing here names a file, a thread or a loop; times are UTC, sequences fit 64 bits, and
  `FlowStateChange.replay` is sync, so that it runs wherever the transaction runs.

A store that shares flow_states is a `FlowStateStore` as well. One that is not keeps them in the snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self, TypeAlias, final

from typedflow.engine.status import FINAL
from typedflow.errors import SnapshotError, StoreError


@final
@dataclass(frozen=True, slots=True)
class StoredEntry:
    """List one stored snapshot, without its bytes.

    >>> async def main() -> StoredEntry:
    ...     async with MemoryStore() as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         return (await store.list())[0]
    >>> entry = asyncio.run(main())
    >>> entry.execution_id, entry.flow, entry.status, entry.sequence
    ('r-1', 'review', 'waiting', 2)
    """

    execution_id: str
    flow: str
    status: str
    sequence: int
    saved_at: datetime


@final
@dataclass(frozen=True, slots=True)
class PendingInterrupt:
    """Describe an interrupt of a stored execution that waits for its answer; `continue_with` takes it.

    >>> async def main() -> None:
    ...     async with MemoryStore() as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         for asked in await store.pending("review"):
    ...             execution = await flow.async_open(asked.execution_id, store=store)
    ...             print(asked.payload, await execution.async_continue_with(asked, "Sibley"))
    >>> asyncio.run(main())
    ['Sibley', 'Svensson'] completed
    """

    execution_id: str
    flow: str
    interrupt_id: str
    type: str
    payload: Any
    """JSON-typed; a copy."""
    since: datetime
    """When the step paused, in UTC."""
    deadline: datetime | None
    step: str
    within: tuple[str, ...] = ()
    """The names of the sub_flow nodes that the step is inside of, outermost first."""
    resume_event: str | None = None
    key: str = ""
    """The `data.key` of the paused step; empty for one that an older typedflow has saved."""


@final
@dataclass(frozen=True, slots=True)
class Notes:
    """What a save changes beside the document, for a store that keeps it in rows of its own.

    >>> from typedflow.stores import Notes
    >>> Notes(steps=("search",), changed=("state.found", "tokens")).steps
    ('search',)
    """

    asked: tuple[PendingInterrupt, ...] = ()
    """The interrupts that became pending since the save before."""
    answered: tuple[str, ...] = ()
    """The ids of those that are not pending any more."""
    steps: tuple[str, ...] = ()
    """The steps that ended since the save before, in order; "review/ask" is one in the child flow of node "review"."""
    changed: tuple[str, ...] = ()
    """The parts of the execution that differ from the save before: "state.topic", "tokens", "result"."""
    forked_from: tuple[str, int] | None = None
    """Of a first save: the execution and the revision that it continues."""


@final
@dataclass(frozen=True, slots=True)
class Revision:
    """Describe one save of an execution with a history; `steps` and `changed` are those of `Notes`.

    >>> async def main(store: MemoryStore) -> list[Revision]:
    ...     execution = flow.create_execution(store=store, execution_id="r-1", history=True)
    ...     await execution.async_start(Request("birds"))
    ...     return await store.history("r-1")
    >>> asyncio.run(main(MemoryStore()))[-1].status
    'waiting'
    """

    execution_id: str
    sequence: int
    status: str
    saved_at: datetime
    steps: tuple[str, ...]
    changed: tuple[str, ...]


Revisions: TypeAlias = list[Revision]
"""A list, named here because the stores' own `list` hides the builtin."""


@final
@dataclass(frozen=True, slots=True)
class Pruned:
    """Count what `prune` has deleted.

    >>> async def main(store: MemoryStore) -> Pruned:
    ...     execution = flow.create_execution(store=store, execution_id="r-1", history=True)
    ...     await execution.async_start(Request("birds"))
    ...     return await store.prune(keep=1)
    >>> asyncio.run(main(MemoryStore()))
    Pruned(executions=0, revisions=1)
    """

    executions: int
    revisions: int


@final
class Part(NamedTuple):
    """One part of an execution as a save writes it."""

    key: str
    data: bytes
    digest: bytes


@final
@dataclass(frozen=True, slots=True)
class Delta:
    """The parts that a save writes beside the head, which then is the data of its record.

    A store with `whole_documents = False` keeps head and parts, and puts the document together when it is read
    (`snapshot.joining`); the parts that a save does not name stay.
    """

    writes: tuple[Part, ...]
    deletes: tuple[str, ...]
    count: int
    """The number of all parts behind the save."""
    total: bytes
    """The sum of the digests of all parts, of 16 bytes."""
    afresh: bool = False
    """Delete all parts that are stored before anything is written."""


@final
@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """Keep one snapshot of one execution: the columns that a store may be asked for, and the bytes.

    >>> async def main() -> StoredSnapshot | None:
    ...     async with MemoryStore() as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         return await store.get("r-1")
    >>> stored = asyncio.run(main())
    >>> flow.create_execution().load(stored.data)
    <Execution 'r-1' of flow 'review': waiting for 'choose'>
    """

    execution_id: str
    flow: str
    status: str
    sequence: int
    """Grows with every save of the execution, from 0 or more to 2**63 - 1."""
    saved_at: datetime
    """In UTC; kept to the microsecond."""
    data: bytes
    history: int | None = None
    """How many revisions a `HistoryStore` keeps of the execution; 0: all, None: none."""
    notes: Notes | None = field(default=None, compare=False, repr=False)
    """Of a save only, never read back. A store that is no `HistoryStore` may ignore it."""
    due: datetime | None = field(default=None, compare=False, repr=False)
    """Of a save only: the first deadline of its interrupts and sleeps. A store that is no `WorkStore` may ignore it."""
    mail: int = field(default=0, compare=False, repr=False)
    """Of a save only: the number of the last message that the execution has taken."""
    holder: str | None = field(default=None, compare=False, repr=False)
    """Of a save: the name under which the execution is run, if it is to stay with its process while its status is
    "running". Of a read record: who has it at this moment, None where nobody has."""
    held_until: datetime | None = field(default=None, compare=False, repr=False)
    """Of a read record that somebody has: until when at least."""
    delta: Delta | None = field(default=None, compare=False, repr=False)
    """Of a save only: the parts, where `data` is the head. Only for a store with `whole_documents = False`."""
    head: bytes | None = field(default=None, compare=False, repr=False)
    """Of a read record that is kept in parts: the head; `data` is the whole document."""
    parts: Mapping[str, int] | None = field(default=None, compare=False, repr=False)
    """Of a read record that is kept in parts: the digest of each."""

    @property
    def entry(self) -> StoredEntry:
        """Return the columns alone."""
        return StoredEntry(self.execution_id, self.flow, self.status, self.sequence, self.saved_at)


Entries: TypeAlias = list[StoredEntry]
"""A list, named here because the stores' own `list` hides the builtin."""


@final
@dataclass(frozen=True, slots=True)
class DamagedEntry:
    """Describe something in a store that stands where a snapshot should and cannot be read as one.

    >>> async def main() -> None:
    ...     async with FileStore(folder / "reviews") as store:
    ...         await flow.create_execution(store=store, execution_id="r-1").async_start(Request("birds"))
    ...         for file in (folder / "reviews").glob("*.snapshot"):
    ...             file.write_bytes(file.read_bytes()[:-50])
    ...         for entry in (await store.list()).damaged:
    ...             print(entry.execution_id, type(entry.error).__name__)
    >>> asyncio.run(main())
    r-1 SnapshotError
    """

    execution_id: str | None
    """None where the id is not known: what is left does not tell it."""
    error: SnapshotError | StoreError
    """What is wrong, and where it lies. `get` of the execution raises the same."""


@final
class Listing(Entries):
    """A list of the entries that can be read, and beside it what cannot.

    It compares as the list. A damaged entry never keeps the others from being listed.

    >>> async def main() -> Listing:
    ...     async with MemoryStore() as store:
    ...         return await store.list()
    >>> asyncio.run(main()), asyncio.run(main()).damaged
    ([], ())
    """

    __slots__ = ("damaged",)

    def __init__(self, entries: Iterable[StoredEntry] = (), damaged: Iterable[DamagedEntry] = ()) -> None:
        super().__init__(entries)
        self.damaged: tuple[DamagedEntry, ...] = tuple(damaged)
        """Those of other flows and statuses included: a damaged entry does not tell which it is of."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle with the damaged ones."""
        return Listing, ([*self], self.damaged)


@final
class PendingListing(list[PendingInterrupt]):
    """A list of pending interrupts, and beside it what cannot be read. It compares as the list.

    >>> async def main() -> PendingListing:
    ...     async with MemoryStore() as store:
    ...         return await store.pending()
    >>> asyncio.run(main()), asyncio.run(main()).damaged
    ([], ())
    """

    __slots__ = ("damaged",)

    def __init__(self, found: Iterable[PendingInterrupt] = (), damaged: Iterable[DamagedEntry] = ()) -> None:
        super().__init__(found)
        self.damaged: tuple[DamagedEntry, ...] = tuple(damaged)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle with the damaged ones."""
        return PendingListing, ([*self], self.damaged)


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
    """Who runs the execution under a lease: where somebody else has it by now, the update is a `LeaseLostError`, as the
    other one makes it, or has made it. None where there are no leases. Not a part of the identity."""
    fence: int | None = field(default=None, compare=False)
    """The fence of the holder's lease, where it has one."""


@final
@dataclass(frozen=True, slots=True)
class FlowStateUpdate:
    """Hold what the change of an update returns: the new flow_state, and the value for the caller, in JSON.

    >>> FlowStateUpdate(data=b'{"reviews": 2}', value=b"2").value
    b'2'
    """

    data: bytes
    value: bytes


Update: TypeAlias = Callable[[bytes | None], FlowStateUpdate]
"""Changes a flow_state: gets the stored bytes, None when there are none."""


@final
@dataclass(frozen=True, slots=True)
class Put:
    """The outcome of a put: what it made of the flow_state."""

    flow_state: bytes | None


class ImmediateStore(Protocol):
    """Save now and on this thread, where that is quicker than to wait for another; a store may have this too."""

    def put_at_once(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> Put | None:
        """Do what `put` does, or nothing at all and give None: then it is for `put`. Called inside a running loop."""
        ...


class LeaseStore(Protocol):
    """Keep an execution with the process that runs it, so that a second one cannot harm it; all but FileStore do.

    A save with a `holder` and the status "running" takes or keeps the lease, one with another status ends it; any save
    is refused with `LeaseLostError` while another holder has a living lease.
    """

    def hold(self) -> str:
        """Return the name of a new holder, whose leases the store renews from now on. Called in a running loop."""
        ...

    def let_go(self, holder: str, execution_id: str | None) -> None:
        """Renew a holder's lease no more; returns at once, and raises nothing.

        `execution_id` is given where the last save was of status "running", so that the lease is still to be ended.
        """
        ...


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


class SnapshotStore(Protocol):
    """Keep the newest snapshot of each execution.

    Every call may come from any loop and any thread. A call that returned has been made durable, as far as the store
    promises that at all. A call whose await is cancelled has happened as a whole or not at all, which of the two only
    `get` can tell. Errors: `ConflictError` from `put`; `StoreError` for malformed arguments, a closed store and
    whatever the system refuses; `SnapshotError` for stored bytes that are not those that were written.

    >>> async def count(store: SnapshotStore) -> int:
    ...     return len(await store.list(status="waiting"))
    >>> asyncio.run(count(MemoryStore()))
    0
    """

    @property
    def shares_flow_state(self) -> bool:
        """Return True if the flow_state of a flow is a row of this store, shared by all processes that use it.

        Such a store is a `FlowStateStore` too: without `update_flow_state` it shares none, and snapshots keep them.
        A store declares it as `shares_flow_state: bool = False`, sets it on the instance, or has a property. A `Final`
        or a `ClassVar` in the class body does not fit a property of a protocol in pyright. A class that names this
        protocol as its base needs a property: an attribute would override one.
        """
        ...

    async def get(self, execution_id: str) -> StoredSnapshot | None:
        """Read the snapshot of an execution, None when there is none."""
        ...

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        """Save a snapshot in place of the one it follows: compare-and-swap on the save sequence.

        `expected` is the sequence of the stored record, None where none may exist; anything else there is a
        `ConflictError` that changes nothing. The record's own sequence must be greater. With `flow_state`, the new
        bytes of the flow_state are returned, and both are committed or neither, with the deletion of the keys; a store
        that does not share flow_state refuses it.
        """
        ...

    async def list(self, flow: str | None = None, status: str | None = None) -> Entries:
        """List what is stored, oldest save first, then by id; only one flow's, only of one status.

        What cannot be read is left out and hides nothing else; a `Listing` names it in `damaged`.
        """
        ...

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot and the update keys of an execution; return whether it was there. A flow_state stays."""
        ...

    async def get_flow_state(self, flow: str) -> bytes | None:
        """Read the stored flow_state of a flow, None when there is none, or when the store shares none."""
        ...

    async def close(self) -> None:
        """Finish the calls under way and let go of files, threads and connections; a second close does nothing."""
        ...

    async def __aenter__(self) -> Self:
        """Open the store now, so that a place that cannot be used fails here."""
        ...

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        """Close the store."""
        ...


class PagedStore(Protocol):
    """List in pages; the stores of typedflow do, a user's own store need not.

    >>> async def first(store: PagedStore, number: int) -> list[str]:
    ...     return [entry.execution_id for entry in await store.list(limit=number)]
    >>> asyncio.run(first(MemoryStore(), 10))
    []
    """

    async def list(
        self,
        flow: str | None = None,
        status: str | None = None,
        *,
        after: StoredEntry | None = None,
        limit: int | None = None,
        statuses: Collection[str] | None = None,
    ) -> Entries:
        """List what is stored, oldest save first, then by id; only one flow's, only of one status or of some.

        `limit` is the number of entries at the most, `after` the last entry of the page before: an execution that is
        saved meanwhile moves to the end. SQLite and PostgreSQL read a page through an index.
        """
        ...


class HistoryStore(PagedStore, SnapshotStore, Protocol):
    """Keep more of an execution than its newest snapshot: its pending interrupts as rows, and its revisions.

    >>> async def main(store: HistoryStore) -> None:
    ...     execution = flow.create_execution(store=store, execution_id="r-1", history=True, checkpoint="step")
    ...     await execution.async_start(Request("birds"))
    ...     for revision in await store.history("r-1"):
    ...         print(revision.sequence, revision.status, revision.steps)
    >>> asyncio.run(main(MemoryStore()))
    1 running ()
    2 running ('search',)
    3 running ()
    4 waiting ()
    """

    async def get(self, execution_id: str, *, at: int | None = None) -> StoredSnapshot | None:
        """Read the newest snapshot of an execution, or that of a save sequence; None when there is none."""
        ...

    async def history(self, execution_id: str, *, after: int | None = None, limit: int | None = None) -> Revisions:
        """List the revisions that are kept of an execution, in order; none where it was created without `history`.

        `limit` is the number of them at the most, `after` the sequence of the last one of the page before.
        """
        ...

    async def prune(
        self,
        *,
        before: datetime | None = None,
        statuses: Collection[str] = FINAL,
        flow: str | None = None,
        keep: int | None = None,
        batch: int = 500,
    ) -> Pruned:
        """Delete old executions, or old revisions, in transactions of about `batch` rows; saves go on in between.

        With `before`, executions of these statuses that were saved last before this moment are deleted, with all that
        belongs to them; a flow_state stays. With `keep`, all but the newest `keep` revisions of each execution are
        deleted, whatever its status. Both only of one flow, where one is given. Whoever runs an execution that is
        deleted gets a `ConflictError` from its next save.
        """
        ...

    async def pending(
        self,
        flow: str | None = None,
        type: str | None = None,
        *,
        after: PendingInterrupt | None = None,
        limit: int | None = None,
    ) -> PendingListing:
        """List the interrupts that wait for an answer, without opening an execution, longest wait first.

        Of one flow, of one type; those of child executions are listed under their root. Ordered by `since`, execution
        id and interrupt id; `limit` is the number of them at the most, `after` the last one of the page before.
        Executions that failed ask nothing until they are retried. Rows that cannot be read are in `damaged`.
        """
        ...
