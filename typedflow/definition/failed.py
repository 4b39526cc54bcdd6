"""`Failed`: a failure as a value, for `on_error` and for a for_each that collects the failures of its items."""

from __future__ import annotations

from typing import Generic, final

import msgspec
from typing_extensions import TypeVar

V_co = TypeVar("V_co", covariant=True)


@final
class Failed(msgspec.Struct, Generic[V_co], frozen=True, tag=True):
    """The failure of a step, a child flow or an item of a for_each, as a value that can be saved.

    It holds no exception: neither a traceback nor what an exception refers to could be saved. Text of the resources in
    use is replaced by '…' in `error` and `text`. In a union with other Structs that are tagged it is read back by its
    tag, "Failed".

    >>> def longest(data: Data[Count, list[int | Failed[str]]]) -> int:
    ...     print([each.text for each in data.value if isinstance(each, Failed)])
    ...     return max(each for each in data.value if isinstance(each, int))
    >>> def strict(data: Data[Count, str]) -> int:
    ...     if not data.value:
    ...         raise ValueError("nothing to count")
    ...     return len(data.value)
    >>> counting = Flow(Count)
    >>> counting.for_each(on_error="collect").to(strict).end_for_each().to(longest).end()
    >>> counting.start(["", "bb"])
    ['nothing to count']
    2
    """

    value: V_co
    """The input of what failed: the value of the step or child flow, or the item."""
    error: str
    """The name of the exception's class, without its module."""
    text: str
    """The exception as `str()` renders it."""
    attempts: int
    """The number of attempts of the step that failed; 1 without a retry."""
