"""A store that seals what another one keeps: with access to that one's disk nothing can be learnt or forged.

What the store behind it finds things by stays readable: ids, names of flows, steps and interrupts, statuses, times, and
the names of the parts that a revision has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar, final, overload

from typedflow.engine.status import FINAL
from typedflow.errors import SnapshotError, StoreError
from typedflow.rules import sealing as texts
from typedflow.rules.executions import no_store_problem
from typedflow.rules.wording import OfType
from typedflow.stores.embedded_leases import LeaseStore
from typedflow.stores.flow_state_sharing import (
    FlowStateChange,
    FlowStateStore,
    FlowStateUpdate,
    SyncFlowStateStore,
    Update,
    UpdateKey,
)
from typedflow.stores.history import HistoryStore, Pruned, Revisions
from typedflow.stores.keys import Keys
from typedflow.stores.leased import LeasedStore
from typedflow.stores.protocol import ImmediateStore, Put, SnapshotStore
from typedflow.stores.records import (
    DamagedEntry,
    Entries,
    PendingInterrupt,
    PendingListing,
    StoredEntry,
    StoredSnapshot,
)
from typedflow.stores.requirements import require_record, require_whole
from typedflow.stores.resealing import reseal
from typedflow.stores.rewriting import Rewritten
from typedflow.stores.sealing import Sealing, place_of_flow_state, place_of_reason, place_of_value
from typedflow.stores.work import Lease, Leases, Message, Messages, NotifyingStore, Release, WorkStore

S = TypeVar("S", bound=SnapshotStore, covariant=True)


class _UpdatingStore(SnapshotStore, FlowStateStore, Protocol):
    pass


class _SyncUpdatingStore(SnapshotStore, SyncFlowStateStore, Protocol):
    pass


class _ImmediateStore(SnapshotStore, ImmediateStore, Protocol):
    pass


class _LeaseStore(SnapshotStore, LeaseStore, Protocol):
    pass


class _NotifyingStore(SnapshotStore, NotifyingStore, Protocol):
    pass


class _DeletingStore(SnapshotStore, Protocol):
    async def delete_flow_state(self, flow: str) -> bool: ...


class _WorkStore(WorkStore, FlowStateStore, SyncFlowStateStore, Protocol):
    async def put_leased(
        self,
        lease: Lease,
        record: StoredSnapshot,
        *,
        expected: int | None,
        flow_state: FlowStateChange | None = None,
    ) -> bytes | None: ...


@final
class SealedStore(Generic[S]):
    """Keep in another store what is sealed with `keys`, and refuse what was not sealed for its place.

    It has the capabilities of the store behind it (history, leases, work, shared flow_states), and no others.
    Snapshots, revisions, flow_states, payloads of pending interrupts, messages and noted errors are sealed. A snapshot
    is bound to its flow, execution, sequence, status and time, so that no other one can take its place. An execution is
    saved whole each time, also where the store behind it keeps others in parts.

    What was sealed with an older key of `keys` is opened, and sealed with the current one when it is saved next;
    `reseal` does so at once. Closing it closes the store behind it.

    >>> import secrets
    >>> store = SealedStore(MemoryStore(), Keys("2026-11", {"2026-11": secrets.token_bytes(32)}, mode="sign"))
    >>> store.whole_documents
    True
    """

    whole_documents: bool = True

    def __new__(cls, store: SnapshotStore, keys: Keys) -> Self:
        """Return a store with the capabilities of the store behind it."""
        made: Self = object.__new__(_without(frozenset(name for name in _OPTIONAL if not _has(store, name))))
        return made

    @overload
    def __init__(self, store: S, keys: Keys) -> None: ...

    # mypy 2.4 finds no S in `take(SealedStore(store, keys))` where a protocol with `__aenter__() -> Self` is wanted
    @overload
    def __init__(self: SealedStore[Any], store: SnapshotStore, keys: Keys) -> None: ...

    def __init__(self, store: Any, keys: Keys) -> None:
        if not isinstance(keys, Keys):
            raise StoreError(texts.wrong_keys_problem(keys))
        if not all(_has(store, name) for name in ("get", "put", "list", "get_flow_state")):
            raise StoreError(no_store_problem(OfType(f"a value of {type(store).__name__}")))  # which may be a key
        self._store: S = store
        self._sealing = Sealing(keys)

    def __repr__(self) -> str:
        return f"SealedStore({type(self._store).__name__}, {self._sealing.keys!r})"  # its own may show a password

    @property
    def shares_flow_state(self) -> bool:
        """Whether the store behind it does."""
        return self._store.shares_flow_state

    async def get(self, execution_id: str, *, at: int | None = None) -> StoredSnapshot | None:
        """Read the newest snapshot of an execution, or that of a save sequence; raises `SnapshotError` for another's.

        Only a HistoryStore takes `at`.
        """
        get: Any = self._store.get
        record: StoredSnapshot | None = await (get(execution_id) if at is None else get(execution_id, at=at))
        return None if record is None else self._opened(record, execution_id, at)

    def _opened(self, record: StoredSnapshot, execution_id: str, at: int | None = None) -> StoredSnapshot:
        asked = replace(record, execution_id=execution_id, sequence=record.sequence if at is None else at)
        return self._sealing.open_record(asked)  # bound to what was asked for, whatever the store says it is

    async def put(
        self, record: StoredSnapshot, *, expected: int | None, flow_state: FlowStateChange | None = None
    ) -> bytes | None:
        """Save a snapshot in place of the one with the expected sequence; see `SnapshotStore.put`."""
        sealed, change = self._sealed(record, expected), self._change(flow_state)
        return self._flow_state(flow_state, await self._store.put(sealed, expected=expected, flow_state=change))

    def put_at_once(
        self: SealedStore[_ImmediateStore],
        record: StoredSnapshot,
        *,
        expected: int | None,
        flow_state: FlowStateChange | None = None,
    ) -> Put | None:
        """Save at once if that delays no other task; see `ImmediateStore.put_at_once`."""
        sealed, change = self._sealed(record, expected), self._change(flow_state)
        put = self._store.put_at_once(sealed, expected=expected, flow_state=change)
        return None if put is None else Put(self._flow_state(flow_state, put.flow_state))

    def _sealed(self, record: StoredSnapshot, expected: int | None) -> StoredSnapshot:
        require_record(record, expected)
        require_whole("SealedStore", record)
        return self._sealing.seal_record(record)

    def _flow_state(self, change: FlowStateChange | None, stored: bytes | None) -> bytes | None:
        if change is None or stored is None:
            return None
        return self._sealing.open(place_of_flow_state(change.flow), stored)

    async def list(
        self,
        flow: str | None = None,
        status: str | None = None,
        *,
        after: StoredEntry | None = None,
        limit: int | None = None,
        statuses: Collection[str] | None = None,
    ) -> Entries:
        """List what is stored, oldest save first, then by id; in pages where the store behind it does so.

        The columns are compared with the seal by `get`, not here.
        """
        page = {"after": after, "limit": limit, "statuses": statuses}
        list_: Any = self._store.list
        found: Entries = await list_(flow, status, **{name: given for name, given in page.items() if given is not None})
        return found

    async def delete(self, execution_id: str) -> bool:
        """Delete the snapshot and the update keys of an execution; return whether it was there. A flow_state stays."""
        return await self._store.delete(execution_id)

    async def close(self) -> None:
        """Close the store behind it."""
        await self._store.close()

    async def __aenter__(self) -> Self:
        """Open the store behind it now."""
        await self._store.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the store behind it."""
        await self._store.__aexit__(exc_type, exc, traceback)

    async def reseal(self, *, plain: bool = False, flows: Collection[str] = (), batch: int = 100) -> Rewritten:
        """Seal with the current key what is sealed with an older one; then the older one can be dropped.

        In the stores of this package everything is sealed anew, in place: no sequence changes, and executions may run
        meanwhile. In another store it is what has ended, and the flow_states of all executions and
        of `flows`; what else there is counts as `left`, and is sealed anew by its next save.

        With `plain`, what is not sealed at all is sealed as well, as it was before the store had keys. It is trusted:
        give it once, while nothing else uses the store.
        """
        return await reseal(self._store, self._sealing, plain, flows, batch)

    # -- flow_states

    async def get_flow_state(self, flow: str) -> bytes | None:
        """Read the stored flow_state of a flow, None when there is none, or when the store shares none."""
        stored = await self._store.get_flow_state(flow)
        return None if stored is None else self._sealing.open(place_of_flow_state(flow), stored)

    async def delete_flow_state(self: SealedStore[_DeletingStore], flow: str) -> bool:
        """Delete the stored flow_state of a flow, so that it begins anew; return whether there was one."""
        return await self._store.delete_flow_state(flow)

    async def update_flow_state(
        self: SealedStore[_UpdatingStore], flow: str, key: UpdateKey | None, change: Update
    ) -> bytes:
        """Change a flow_state; see `FlowStateStore.update_flow_state`."""
        value = await self._store.update_flow_state(flow, key, self._update(flow, key, change))
        return self._sealing.open(place_of_value(flow, key), value)

    def update_flow_state_sync(
        self: SealedStore[_SyncUpdatingStore], flow: str, key: UpdateKey | None, change: Update
    ) -> bytes:
        """Do what `update_flow_state` does, in a plain call."""
        value = self._store.update_flow_state_sync(flow, key, self._update(flow, key, change))
        return self._sealing.open(place_of_value(flow, key), value)

    def _change(self, change: FlowStateChange | None) -> FlowStateChange | None:
        if change is None or change.replay is None:
            return change
        flow, replay = change.flow, change.replay
        return replace(change, replay=lambda stored: self._resealed(flow, stored, replay(self._stored(flow, stored))))

    def _update(self, flow: str, key: UpdateKey | None, change: Update) -> Update:
        def sealed(stored: bytes | None) -> FlowStateUpdate:
            found = change(self._stored(flow, stored))
            if type(found) is not FlowStateUpdate:
                return found  # which the store behind it refuses
            value = self._sealing.seal(place_of_value(flow, key), found.value)
            return FlowStateUpdate(self._resealed(flow, stored, found.data), value)

        return sealed

    def _stored(self, flow: str, stored: bytes | None) -> bytes | None:
        return None if stored is None else self._sealing.open(place_of_flow_state(flow), stored)

    def _resealed(self, flow: str, stored: bytes | None, data: bytes) -> bytes:
        """Return new bytes of a flow_state sealed; the stored ones where nothing changed: none is written then."""
        if type(data) is not bytes:
            return data  # which the store behind it refuses
        place = place_of_flow_state(flow)
        if stored is not None and self._sealing.is_newest(stored) and self._sealing.open(place, stored) == data:
            return stored
        return self._sealing.seal(place, data)

    # -- history

    async def history(
        self: SealedStore[HistoryStore], execution_id: str, *, after: int | None = None, limit: int | None = None
    ) -> Revisions:
        """List the revisions that are kept of an execution, in order; see `HistoryStore.history`."""
        return await self._store.history(execution_id, after=after, limit=limit)

    async def prune(
        self: SealedStore[HistoryStore],
        *,
        before: datetime | None = None,
        statuses: Collection[str] = FINAL,
        flow: str | None = None,
        keep: int | None = None,
        batch: int = 500,
    ) -> Pruned:
        """Delete old executions, or old revisions; see `HistoryStore.prune`."""
        return await self._store.prune(before=before, statuses=statuses, flow=flow, keep=keep, batch=batch)

    async def pending(
        self: SealedStore[HistoryStore],
        flow: str | None = None,
        type: str | None = None,
        *,
        after: PendingInterrupt | None = None,
        limit: int | None = None,
    ) -> PendingListing:
        """List the interrupts that wait for an answer, longest wait first; see `HistoryStore.pending`."""
        opened: list[PendingInterrupt] = []
        damaged: list[DamagedEntry] = []
        while True:
            page = await self._store.pending(flow, type, after=after, limit=limit)
            damaged += page.damaged
            for asked in page:
                try:
                    opened.append(self._sealing.open_question(asked))
                except SnapshotError as error:
                    damaged.append(DamagedEntry(asked.execution_id, error))
            if opened or limit is None or len(page) < limit:
                return PendingListing(opened, damaged)
            after = page[-1]  # none of a full page can be opened, and an empty page would end the list

    # -- for a process that runs an execution

    def new_holder(self: SealedStore[_LeaseStore]) -> str:
        """Return the name of a new holder, whose leases are renewed from now on; see `LeaseStore.new_holder`."""
        return self._store.new_holder()

    def let_go(self: SealedStore[_LeaseStore], holder: str, execution_id: str | None) -> None:
        """Renew a holder's lease no more; see `LeaseStore.let_go`."""
        self._store.let_go(holder, execution_id)

    # -- for workers

    async def submit(self: SealedStore[WorkStore], record: StoredSnapshot, *, ready_at: datetime | None = None) -> None:
        """Save a new execution for a worker to take; see `WorkStore.submit`."""
        await self._store.submit(self._sealed(record, None), ready_at=ready_at)

    async def post(self: SealedStore[WorkStore], execution_id: str, make: Callable[[StoredSnapshot], Message]) -> int:
        """Store a message for an execution; see `WorkStore.post`. `make` gets the record as it was saved."""
        sealing, opened = self._sealing, self._opened
        return await self._store.post(
            execution_id, lambda stored: sealing.seal_message(execution_id, make(opened(stored, execution_id)))
        )

    async def mail(self: SealedStore[WorkStore], execution_id: str, after: int) -> Messages:
        """Return the messages behind a number, in order."""
        found = await self._store.mail(execution_id, after)
        return [self._sealing.open_message(execution_id, message) for message in found]

    async def take(
        self: SealedStore[WorkStore],
        flows: Collection[str],
        *,
        holder: str,
        ttl: timedelta,
        limit: int,
        crashed_limit: int = 1,
    ) -> Leases:
        """Take executions that are ready; see `WorkStore.take`."""
        return await self._store.take(flows, holder=holder, ttl=ttl, limit=limit, crashed_limit=crashed_limit)

    async def acquire(self: SealedStore[WorkStore], execution_id: str, *, holder: str, ttl: timedelta) -> Lease | None:
        """Take one execution; see `WorkStore.acquire`."""
        return await self._store.acquire(execution_id, holder=holder, ttl=ttl)

    def renew_here(self: SealedStore[WorkStore], holder: str, ttl: timedelta) -> dict[str, int]:
        """Renew the leases of a holder; see `WorkStore.renew_here`."""
        return self._store.renew_here(holder, ttl)

    async def release(self: SealedStore[WorkStore], lease: Lease, release: Release) -> bool:
        """End a lease; see `WorkStore.release`. Its problem is sealed: an error may show a value."""
        if release.problem is not None:
            sealed = self._sealing.seal_text(place_of_reason(lease.execution_id), release.problem)
            release = replace(release, problem=sealed)
        return await self._store.release(lease, release)

    def held(self: SealedStore[_WorkStore], lease: Lease) -> LeasedStore:
        """Return the store for the holder of a lease; see `WorkStore.held`."""
        return LeasedStore(self, lease)

    async def put_leased(
        self: SealedStore[_WorkStore],
        lease: Lease,
        record: StoredSnapshot,
        *,
        expected: int | None,
        flow_state: FlowStateChange | None = None,
    ) -> bytes | None:
        """Do what `put` does, for the holder of a lease."""
        sealed, change = self._sealed(record, expected), self._change(flow_state)
        stored = await self._store.put_leased(lease, sealed, expected=expected, flow_state=change)
        return self._flow_state(flow_state, stored)

    async def next_ready(self: SealedStore[WorkStore], flows: Collection[str]) -> datetime | None:
        """Return from when on the next execution of these flows can be taken; None where none will be."""
        return await self._store.next_ready(flows)

    def listen(
        self: SealedStore[_NotifyingStore],
        flows: Collection[str],
        heard: Callable[[], object],
        has_mail: Callable[[str | None], object],
    ) -> Callable[[], None]:
        """Call a function when executions of these flows may have become ready; see `NotifyingStore.listen`."""
        return self._store.listen(flows, heard, has_mail)

    async def quarantined(self: SealedStore[WorkStore], flow: str | None = None) -> Entries:
        """List the executions that no worker takes; see `WorkStore.quarantined`."""
        return await self._store.quarantined(flow)

    async def problem(self: SealedStore[WorkStore], execution_id: str) -> str | None:
        """Return why an execution does not run now; see `WorkStore.problem`."""
        text = await self._store.problem(execution_id)
        return None if text is None else self._sealing.open_text(place_of_reason(execution_id), text)

    async def release_quarantine(self: SealedStore[WorkStore], execution_id: str) -> bool:
        """Release an execution from quarantine, so that workers may take it; return whether it was in quarantine."""
        return await self._store.release_quarantine(execution_id)


_OF_CLASS: Final = ("new_holder", "let_go", "put_at_once")
"""The methods that a save looks up on the class: a wrapper that hands on everything does not have them."""
_OPTIONAL: Final = (
    *_OF_CLASS,
    *("delete_flow_state", "update_flow_state", "update_flow_state_sync"),
    *("history", "prune", "pending"),
    *("submit", "post", "mail", "take", "acquire", "renew_here", "release", "held", "put_leased"),
    *("next_ready", "listen", "quarantined", "problem", "release_quarantine"),
)
"""What only some stores can do."""


def _has(store: object, name: str) -> bool:
    return callable(getattr(type(store) if name in _OF_CLASS else store, name, None))


class _Absent:
    """An attribute that a class hides, of those that it inherits."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type) -> Any:
        raise AttributeError(f"the store behind this {owner.__name__} has no {self._name!r}")


@lru_cache(maxsize=64)
def _without(absent: frozenset[str]) -> Any:
    """Return the class of a sealed store that has not these methods."""
    if not absent:
        return SealedStore
    described = {name: getattr(SealedStore, name) for name in ("__module__", "__qualname__", "__doc__")}
    hidden = {name: _Absent() for name in absent}
    return type("SealedStore", (SealedStore,), described | hidden)
