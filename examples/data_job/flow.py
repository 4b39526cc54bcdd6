"""The job as a flow: the files of a folder side by side, each read, checked and loaded; what fails is collected."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec

from examples.data_job.records import Failure, Job, Loaded, Row, Summary
from examples.data_job.warehouse import Warehouse
from typedflow import Contract, Data, Failed, Flow, Resources, Retry


class JobResources(Resources):
    """What the job needs of its environment."""

    warehouse: Warehouse


class DataJob(Contract):
    """Load the CSV files of a folder."""

    input: Job
    result: Summary
    resources: JobResources


class WrongFile(ValueError):
    """Raised for a wrong line of a file, with its number and the reason; no retry will help."""


class Checked(msgspec.Struct, frozen=True):
    """A file whose rows are all right."""

    file: str
    rows: list[Row]


def find_files(data: Data[DataJob, Job]) -> list[str]:
    """Return the files of the folder."""
    files = sorted(str(path) for path in Path(data.value.folder).glob("*.csv"))
    if not files:
        raise FileNotFoundError(f"there is no CSV file in '{data.value.folder}'")
    return files


def read(data: Data[DataJob, str]) -> Checked:
    """Read a file and check each row; runs in a thread, as files may be large."""
    rows = []
    with open(data.value, newline="", encoding="utf-8") as lines:
        for line, fields in enumerate(csv.DictReader(lines), start=2):
            try:
                rows.append(msgspec.convert(fields, Row, strict=False))
            except msgspec.ValidationError as error:
                raise WrongFile(f"line {line}: {error}") from error
    return Checked(Path(data.value).name, rows)


def load(data: Data[DataJob, Checked]) -> Loaded:
    """Load the rows; with the key of this step, so that a run after a crash loads nothing twice."""
    data.resources.warehouse.load(data.key, data.value.rows)
    return Loaded(data.value.file, len(data.value.rows), sum(row.cents for row in data.value.rows))


def summarize(data: Data[DataJob, list[Loaded | Failed[str]]]) -> Summary:
    """Add up what was loaded, and list what was not."""
    loaded = [each for each in data.value if isinstance(each, Loaded)]
    return Summary(
        files=len(loaded),
        rows=sum(each.rows for each in loaded),
        cents=sum(each.cents for each in loaded),
        failures=tuple(
            Failure(Path(each.value).name, each.text, each.attempts) for each in data.value if isinstance(each, Failed)
        ),
    )


def build_flow() -> Flow[DataJob]:
    """Make the flow; it needs the resource `warehouse`."""
    flow = Flow(DataJob, name="data_job")
    (
        flow.to(find_files)
        .for_each(concurrency=4, on_error="collect")
        .to(read, thread=True, retry=Retry(attempts=3, backoff=0.1, on=(OSError,)))
        .to(load)
        .end_for_each()
        .to(summarize)
        .end()
    )
    return flow
