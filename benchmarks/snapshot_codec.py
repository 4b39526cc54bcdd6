"""What saving and loading a State costs against msgspec alone: `python benchmarks/snapshot_codec.py` (W6).

Save is encode, decode and compare, against msgspec's encode + decode; load is a strict decode, against its decode. Both
are measured side by side, in turns; the figures are medians. "document" is the whole way, with the envelope: from the
State to the bytes, and from the bytes to the State.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from typedflow import State
from typedflow.engine.status import Status
from typedflow.snapshot.codecs import compile_codec
from typedflow.snapshot.documents import Format
from typedflow.snapshot.envelope import Snapshot
from typedflow.snapshot.reading import read_document


class Line(msgspec.Struct):
    sku: str
    count: int
    price: float
    note: str | None = None


class Order(msgspec.Struct):
    id: str
    lines: list[Line]
    tags: dict[str, str]


class Shop(State):
    name: str = ""
    orders: list[Order] = []
    totals: dict[str, float] = {}


def make_state(orders: int) -> Shop:
    lines = [
        [Line(f"sku-{i}-{j}", j, j * 1.5, "by hand, please" if j % 2 else None) for j in range(5)]
        for i in range(orders)
    ]
    made = [Order(f"order-{i}", lines[i], {"channel": "web", "country": "NL"}) for i in range(orders)]
    return Shop(name="shop", orders=made, totals={f"day-{i}": i * 0.5 for i in range(orders // 10)})


def in_turns(rounds: int, *calls: Callable[[], Any]) -> list[float]:
    """Return the median of each call, in seconds; they take turns, so that what disturbs one disturbs all."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, found in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in times]


def envelope(state: msgspec.Raw, format: Format) -> Snapshot:
    empty = msgspec.Raw(msgspec.json.encode({}) if format == "json" else msgspec.msgpack.encode({}))
    now = datetime.now(UTC)
    header = {"flow": "shop", "contract": "Shop", "version": 1, "fingerprint": "", "plan": "", "execution_id": "one"}
    return Snapshot(
        **header,  # type: ignore[arg-type]  # texts, and a number
        encoding=format,
        sequence=1,
        status=Status.WAITING,
        created=now,
        saved=now,
        shape=empty,
        state=state,
    )


def measure(orders: int, rounds: int, format: Format) -> str:
    state, codec = make_state(orders), compile_codec(Shop)
    library: Any = msgspec.json if format == "json" else msgspec.msgpack
    encoder, decoder = library.Encoder(), library.Decoder(Shop)
    raw = codec.encode(state, "state", format)
    data = envelope(raw, format).to_bytes()
    encode, decode, save, load, write, read = in_turns(
        rounds,
        lambda: encoder.encode(state),
        lambda: decoder.decode(raw),
        lambda: codec.encode(state, "state", format),
        lambda: codec.decode(raw, "state", format),
        lambda: envelope(codec.encode(state, "state", format), format).to_bytes(),
        lambda: codec.decode(read_document(data, max_bytes=len(data)).state, "state", format),
    )
    floor = encode + decode
    return (
        f"{format:8} {len(data) / 1000:8.1f} KB  msgspec {encode * 1e6:9.1f} + {decode * 1e6:9.1f} µs   "
        f"save {save / floor:4.2f}x  load {load / decode:4.2f}x   "
        f"document: save {write / floor:4.2f}x  load {read / decode:4.2f}x"
    )


def main() -> None:
    print(f"Python {sys.version.split()[0]}, msgspec {msgspec.__version__}; targets at 100 KB and above: 1.5x and 1.5x")
    for orders, rounds in ((3, 4000), (300, 400), (16_500, 15)):
        for format in ("json", "msgpack"):
            print(measure(orders, rounds, format))


if __name__ == "__main__":
    main()
