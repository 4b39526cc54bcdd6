"""A zone that no document keeps."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo


class Local(tzinfo):
    """A tzinfo class of a user's own: what it says equals UTC."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, moment: datetime | None) -> None:
        return None

    def tzname(self, moment: datetime | None) -> str:
        return "here"

    def __repr__(self) -> str:
        return "Local()"  # the same in every process: it is in the ids of tests
