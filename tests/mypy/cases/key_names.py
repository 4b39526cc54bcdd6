"""The names and enums that `keys` makes its keys of; nothing here is wrong."""

from __future__ import annotations

from enum import Enum, StrEnum, auto
from typing import Any, Final, Literal

REQUEST: Final = "request"
TOPIC: Final = "topic"
TOPIK: Final[str] = "topik"
DOTTED: Final = REQUEST + "." + TOPIC
FORMATTED: Final = f"{REQUEST}.{TOPIC}"
LEVEL: Final = 3
BAD: Final = True
KIND: Literal["request", "report"] = "request"
PLAIN = "request"


class Key(StrEnum):
    COUNT = auto()
    Note = auto()
    CONT = auto()
    TOPIC = "request.topic"
    TOPIK = REQUEST + ".topik"
    APPROVED = auto()
    APROVED = auto()
    LOGGER = auto()
    LOGER = auto()


class More(StrEnum):
    def shout(self) -> str:
        return self.upper()


class OfMore(More):
    COUNT = auto()
    CONT = auto()


class Other(str, Enum):  # noqa: UP042  # auto() makes numbers here
    COUNT = "count"
    CONT = "cont"
    AUTO = auto()
    REQUEST = "request"


class Generated(StrEnum):
    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[Any]) -> str:
        return name[:-1].lower()

    COUNTS = auto()
    COUNT = "count"
    CONT = "cont"


class Generating(StrEnum):
    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[Any]) -> str:
        return name[:-1].lower()


class OfGenerated(Generating):
    COUNTS = auto()


class Making(StrEnum):
    def __new__(cls, value: str) -> Making:
        made = str.__new__(cls, value + "t")
        made._value_ = value + "t"
        return made

    COUNT = "coun"


class Shown(StrEnum):
    COUNT = auto()
    CONT = auto()

    def __str__(self) -> str:
        return "request"


class Number(Enum):
    COUNT = auto()


class Names:
    COUNT: Final = "count"
    CONT: Final = "cont"
    TOPIC: Final = f"{REQUEST}.topic"

    def __init__(self) -> None:
        self.note: Final = "note"
