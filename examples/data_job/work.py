"""Jobs in a store, and the workers that run them; the store is a parameter: any `WorkStore` will do."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

from examples.data_job.flow import build_flow
from examples.data_job.records import Job, Summary
from examples.data_job.warehouse import open_warehouse
from typedflow import distributed, stores
from typedflow.stores import SQLiteStore, WorkStore


def open_store(place: str) -> AbstractAsyncContextManager[WorkStore]:
    """Return the store of a place: a PostgreSQL database for a URL, else a SQLite file."""
    return stores.PostgresStore(place) if place.startswith("postgresql://") else SQLiteStore(place)


async def submit(store: WorkStore, folder: str) -> str:
    """Hand a job to the workers, and return its id; no resource is needed here."""
    return await distributed.submit(store, build_flow(), Job(folder))


async def wait(store: WorkStore, job: str, *, seconds: float | None = None) -> Summary:
    """Wait for the outcome of a job; TimeoutError after so many seconds."""
    return await distributed.result(store, build_flow(), job, timeout=seconds)


def make_worker(store: WorkStore, warehouse: Path, *, poll: float = 0.2) -> distributed.Worker:
    """Make a worker; each job that it runs gets a connection of its own, which is closed after it."""
    resources = {"warehouse": partial(open_warehouse, warehouse)}
    return distributed.Worker(store, [build_flow()], resources=resources, poll=poll)
