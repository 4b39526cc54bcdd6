"""Names for typedflow's base classes, which another module uses; nothing here is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import msgspec

import typedflow as tf
from typedflow import Resources as Tools

T = TypeVar("T")

Base: TypeAlias = tf.State
Quoted: TypeAlias = "tf.State"
Plain = tf.State
Again = Plain
Counting = tf.FlowState
Agreement = tf.Contract
Record = msgspec.Struct


class Kept(Again):
    kept: int = 0


KeptAlias = Kept


class Holding(tf.State, Generic[T]):
    held: T


HoldingInt = Holding[int]
HoldingAny = Holding


class Settings(Record, frozen=True, rename="camel", tag=True):
    max_items: int = 0


class Draft(Record):
    title: str = ""


DraftAlias = Draft


if TYPE_CHECKING:
    Checked = tf.State
else:
    Checked = None


class Namespace:
    Base: TypeAlias = tf.State


__all__ = ["Tools"]
