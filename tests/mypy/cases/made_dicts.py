"""What `when` and `collect` put together: where it may go on, as a result and to a step, as the runtime takes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

import msgspec

from typedflow import Contract, Data, Events, Flow

Loose: TypeAlias = dict[str, Any]


class Approval(msgspec.Struct):
    ok: bool


class Both(TypedDict):
    approval: Approval
    tick: int


class More(TypedDict):
    approval: Approval
    tick: int
    other: NotRequired[int]


class Partly(TypedDict):
    approval: Approval | None
    tick: NotRequired[object]


class Less(TypedDict):
    approval: Approval


class Wrong(TypedDict):
    approval: Approval
    tick: str


class Kinds(TypedDict):
    approved: Approval
    ticked: int


class ByKind(TypedDict):
    event: Kinds


class Happened(Events):
    approved: Approval
    ticked: int


class Whole(Contract):
    input: None
    result: Any
    events: Happened


def emit(data: Data[Whole, None]) -> None:
    data.emit("approved", Approval(True))
    data.emit("ticked", 1)


# as a result


class EndsAsDictAny(Whole):
    result: dict[str, Any]


def ends_as_dict_any() -> Flow[EndsAsDictAny]:
    flow = Flow(EndsAsDictAny)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsDictObject(Whole):
    result: dict[str, object]


def ends_as_dict_object() -> Flow[EndsAsDictObject]:
    flow = Flow(EndsAsDictObject)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsBareDict(Whole):
    result: dict  # type: ignore[type-arg]


def ends_as_bare_dict() -> Flow[EndsAsBareDict]:
    flow = Flow(EndsAsBareDict)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsMappingObject(Whole):
    result: Mapping[str, object]


def ends_as_mapping_object() -> Flow[EndsAsMappingObject]:
    flow = Flow(EndsAsMappingObject)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsMappingAny(Whole):
    result: Mapping[str, Any]


def ends_as_mapping_any() -> Flow[EndsAsMappingAny]:
    flow = Flow(EndsAsMappingAny)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsMappingOfInt(Whole):
    result: Mapping[str, int]


def ends_as_mapping_of_int() -> Flow[EndsAsMappingOfInt]:
    flow = Flow(EndsAsMappingOfInt)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    #                                          ^ E: TF702: end() sets the result of contract 'EndsAsMappingOfInt', Mapping[str, int], and gets {'approval': Approval, 'tick': int} (add a step before end() that returns Mapping[str, int])  [typedflow-flow]
    return flow


class EndsAsMutable(Whole):
    result: MutableMapping[str, Any]


def ends_as_mutable() -> Flow[EndsAsMutable]:
    flow = Flow(EndsAsMutable)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsAnything(Whole):
    result: Any


def ends_as_anything() -> Flow[EndsAsAnything]:
    flow = Flow(EndsAsAnything)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsAnObject(Whole):
    result: object


def ends_as_an_object() -> Flow[EndsAsAnObject]:
    flow = Flow(EndsAsAnObject)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsBoth(Whole):
    result: Both


def ends_as_both() -> Flow[EndsAsBoth]:
    flow = Flow(EndsAsBoth)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsMore(Whole):
    result: More


def ends_as_more() -> Flow[EndsAsMore]:
    flow = Flow(EndsAsMore)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsLess(Whole):
    result: Less


def ends_as_less() -> Flow[EndsAsLess]:
    flow = Flow(EndsAsLess)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    #                                          ^ E: TF702: end() sets the result of contract 'EndsAsLess', Less, and gets {'approval': Approval, 'tick': int} (add a step before end() that returns Less)  [typedflow-flow]
    return flow


class EndsAsWrong(Whole):
    result: Wrong


def ends_as_wrong() -> Flow[EndsAsWrong]:
    flow = Flow(EndsAsWrong)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    #                                          ^ E: TF702: end() sets the result of contract 'EndsAsWrong', Wrong, and gets {'approval': Approval, 'tick': int} (add a step before end() that returns Wrong)  [typedflow-flow]
    return flow


class EndsAsOptional(Whole):
    result: dict[str, Any] | None


def ends_as_optional() -> Flow[EndsAsOptional]:
    flow = Flow(EndsAsOptional)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsUnion(Whole):
    result: int | dict[str, Any]


def ends_as_union() -> Flow[EndsAsUnion]:
    flow = Flow(EndsAsUnion)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsDictOfInt(Whole):
    result: dict[str, int]


def ends_as_dict_of_int() -> Flow[EndsAsDictOfInt]:
    flow = Flow(EndsAsDictOfInt)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    #                                          ^ E: TF702: end() sets the result of contract 'EndsAsDictOfInt', dict[str, int], and gets {'approval': Approval, 'tick': int} (add a step before end() that returns dict[str, int])  [typedflow-flow]
    return flow


class EndsAsDictOfBoth(Whole):
    result: dict[str, Approval | int]


def ends_as_dict_of_both() -> Flow[EndsAsDictOfBoth]:
    flow = Flow(EndsAsDictOfBoth)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsLiteralKeys(Whole):
    result: dict[Literal["approval", "tick"], Any]


def ends_as_literal_keys() -> Flow[EndsAsLiteralKeys]:
    flow = Flow(EndsAsLiteralKeys)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsOtherKeys(Whole):
    result: dict[Literal["approval"], Any]


def ends_as_other_keys() -> Flow[EndsAsOtherKeys]:
    flow = Flow(EndsAsOtherKeys)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    #                                          ^ E: TF702: end() sets the result of contract 'EndsAsOtherKeys', dict[Literal['approval'], Any], and gets {'approval': Approval, 'tick': int} (add a step before end() that returns dict[Literal['approval'], Any])  [typedflow-flow]
    return flow


class EndsAsIntKeys(Whole):
    result: dict[int, Any]


def ends_as_int_keys() -> Flow[EndsAsIntKeys]:
    flow = Flow(EndsAsIntKeys)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    #                                          ^ E: TF702: end() sets the result of contract 'EndsAsIntKeys', dict[int, Any], and gets {'approval': Approval, 'tick': int} (add a step before end() that returns dict[int, Any])  [typedflow-flow]
    return flow


class EndsAsNested(Whole):
    result: dict[str, dict[str, Any]]


def ends_as_nested() -> Flow[EndsAsNested]:
    flow = Flow(EndsAsNested)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    #                                          ^ E: TF702: end() sets the result of contract 'EndsAsNested', dict[str, dict[str, Any]], and gets {'approval': Approval, 'tick': int} (add a step before end() that returns dict[str, dict[str, Any]])  [typedflow-flow]
    return flow


class EndsAsPartly(Whole):
    result: Partly


def ends_as_partly() -> Flow[EndsAsPartly]:
    flow = Flow(EndsAsPartly)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsAnAlias(Whole):
    result: Loose


def ends_as_an_alias() -> Flow[EndsAsAnAlias]:
    flow = Flow(EndsAsAnAlias)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


class EndsAsAStruct(Whole):
    result: Approval


def ends_as_a_struct() -> Flow[EndsAsAStruct]:
    flow = Flow(EndsAsAStruct)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    #                                          ^ E: TF702: end() sets the result of contract 'EndsAsAStruct', Approval, and gets {'approval': Approval, 'tick': int} (add a step before end() that returns Approval)  [typedflow-flow]
    return flow


class EndsAsIterable(Whole):
    result: Collection[str]


def ends_as_iterable() -> Flow[EndsAsIterable]:
    flow = Flow(EndsAsIterable)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").end()
    return flow


# of all triggers, by kind


class AllDictAny(Whole):
    result: dict[str, Any]


def ends_with_all_as_dict_any() -> Flow[AllDictAny]:
    flow = Flow(AllDictAny)
    flow.to(emit)
    flow.when({"event": ["approved", "ticked"]}, mode="and").end()
    return flow


class AllNested(Whole):
    result: dict[str, dict[str, Any]]


def ends_with_all_as_nested() -> Flow[AllNested]:
    flow = Flow(AllNested)
    flow.to(emit)
    flow.when({"event": ["approved", "ticked"]}, mode="and").end()
    return flow


class AllByKind(Whole):
    result: ByKind


def ends_with_all_as_by_kind() -> Flow[AllByKind]:
    flow = Flow(AllByKind)
    flow.to(emit)
    flow.when({"event": ["approved", "ticked"]}, mode="and").end()
    return flow


class AllMapping(Whole):
    result: Mapping[str, Mapping[str, object]]


def ends_with_all_as_mapping() -> Flow[AllMapping]:
    flow = Flow(AllMapping)
    flow.to(emit)
    flow.when({"event": ["approved", "ticked"]}, mode="and").end()
    return flow


class AllWrongKind(Whole):
    result: dict[str, dict[str, int]]


def ends_with_all_as_wrong_kind() -> Flow[AllWrongKind]:
    flow = Flow(AllWrongKind)
    flow.to(emit)
    flow.when({"event": ["approved", "ticked"]}, mode="and").end()
    #                                                        ^ E: TF702: end() sets the result of contract 'AllWrongKind', dict[str, dict[str, int]], and gets {'event': {'approved': Approval, 'ticked': int}} (add a step before end() that returns dict[str, dict[str, int]])  [typedflow-flow]
    return flow


class AllDictOfInt(Whole):
    result: dict[str, int]


def ends_with_all_as_dict_of_int() -> Flow[AllDictOfInt]:
    flow = Flow(AllDictOfInt)
    flow.to(emit)
    flow.when({"event": ["approved", "ticked"]}, mode="and").end()
    #                                                        ^ E: TF702: end() sets the result of contract 'AllDictOfInt', dict[str, int], and gets {'event': {'approved': Approval, 'ticked': int}} (add a step before end() that returns dict[str, int])  [typedflow-flow]
    return flow


# to a step


def take_dict_any(data: Data[Whole, dict[str, Any]]) -> str:
    return ""


def goes_to_dict_any() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_dict_any).end()
    return flow


def take_dict_object(data: Data[Whole, dict[str, object]]) -> str:
    return ""


def goes_to_dict_object() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_dict_object).end()
    return flow


def take_bare_dict(data: Data[Whole, dict]) -> str:  # type: ignore[type-arg]
    return ""


def goes_to_bare_dict() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_bare_dict).end()
    return flow


def take_mapping_object(data: Data[Whole, Mapping[str, object]]) -> str:
    return ""


def goes_to_mapping_object() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_mapping_object).end()
    return flow


def take_mapping_any(data: Data[Whole, Mapping[str, Any]]) -> str:
    return ""


def goes_to_mapping_any() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_mapping_any).end()
    return flow


def take_mapping_of_int(data: Data[Whole, Mapping[str, int]]) -> str:
    return ""


def goes_to_mapping_of_int() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_mapping_of_int).end()
    #                                             ^ E: TF701: step 'take_mapping_of_int' takes Mapping[str, int], and gets {'approval': Approval, 'tick': int} (annotate its parameter Data[…, {'approval': Approval, 'tick': int}], or put a step in between that makes Mapping[str, int] of it)  [typedflow-flow]
    return flow


def take_mutable(data: Data[Whole, MutableMapping[str, Any]]) -> str:
    return ""


def goes_to_mutable() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_mutable).end()
    return flow


def take_anything(data: Data[Whole, Any]) -> str:
    return ""


def goes_to_anything() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_anything).end()
    return flow


def take_an_object(data: Data[Whole, object]) -> str:
    return ""


def goes_to_an_object() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_an_object).end()
    return flow


def take_both(data: Data[Whole, Both]) -> str:
    return ""


def goes_to_both() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_both).end()
    return flow


def take_more(data: Data[Whole, More]) -> str:
    return ""


def goes_to_more() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_more).end()
    return flow


def take_less(data: Data[Whole, Less]) -> str:
    return ""


def goes_to_less() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_less).end()
    #                                             ^ E: TF701: step 'take_less' takes Less, and gets {'approval': Approval, 'tick': int} (annotate its parameter Data[…, {'approval': Approval, 'tick': int}], or put a step in between that makes Less of it)  [typedflow-flow]
    return flow


def take_wrong(data: Data[Whole, Wrong]) -> str:
    return ""


def goes_to_wrong() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_wrong).end()
    #                                             ^ E: TF701: step 'take_wrong' takes Wrong, and gets {'approval': Approval, 'tick': int} (annotate its parameter Data[…, {'approval': Approval, 'tick': int}], or put a step in between that makes Wrong of it)  [typedflow-flow]
    return flow


def take_optional(data: Data[Whole, dict[str, Any] | None]) -> str:
    return ""


def goes_to_optional() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_optional).end()
    return flow


def take_union(data: Data[Whole, int | dict[str, Any]]) -> str:
    return ""


def goes_to_union() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_union).end()
    return flow


def take_dict_of_int(data: Data[Whole, dict[str, int]]) -> str:
    return ""


def goes_to_dict_of_int() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_dict_of_int).end()
    #                                             ^ E: TF701: step 'take_dict_of_int' takes dict[str, int], and gets {'approval': Approval, 'tick': int} (annotate its parameter Data[…, {'approval': Approval, 'tick': int}], or put a step in between that makes dict[str, int] of it)  [typedflow-flow]
    return flow


def take_dict_of_both(data: Data[Whole, dict[str, Approval | int]]) -> str:
    return ""


def goes_to_dict_of_both() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_dict_of_both).end()
    return flow


def take_literal_keys(data: Data[Whole, dict[Literal["approval", "tick"], Any]]) -> str:
    return ""


def goes_to_literal_keys() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_literal_keys).end()
    return flow


def take_other_keys(data: Data[Whole, dict[Literal["approval"], Any]]) -> str:
    return ""


def goes_to_other_keys() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_other_keys).end()
    #                                             ^ E: TF701: step 'take_other_keys' takes dict[Literal['approval'], Any], and gets {'approval': Approval, 'tick': int} (annotate its parameter Data[…, {'approval': Approval, 'tick': int}], or put a step in between that makes dict[Literal['approval'], Any] of it)  [typedflow-flow]
    return flow


def take_int_keys(data: Data[Whole, dict[int, Any]]) -> str:
    return ""


def goes_to_int_keys() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_int_keys).end()
    #                                             ^ E: TF701: step 'take_int_keys' takes dict[int, Any], and gets {'approval': Approval, 'tick': int} (annotate its parameter Data[…, {'approval': Approval, 'tick': int}], or put a step in between that makes dict[int, Any] of it)  [typedflow-flow]
    return flow


def take_nested(data: Data[Whole, dict[str, dict[str, Any]]]) -> str:
    return ""


def goes_to_nested() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_nested).end()
    #                                             ^ E: TF701: step 'take_nested' takes dict[str, dict[str, Any]], and gets {'approval': Approval, 'tick': int} (annotate its parameter Data[…, {'approval': Approval, 'tick': int}], or put a step in between that makes dict[str, dict[str, Any]] of it)  [typedflow-flow]
    return flow


def take_partly(data: Data[Whole, Partly]) -> str:
    return ""


def goes_to_partly() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_partly).end()
    return flow


def take_an_alias(data: Data[Whole, Loose]) -> str:
    return ""


def goes_to_an_alias() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_an_alias).end()
    return flow


def take_a_struct(data: Data[Whole, Approval]) -> str:
    return ""


def goes_to_a_struct() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_a_struct).end()
    #                                             ^ E: TF701: step 'take_a_struct' takes Approval, and gets {'approval': Approval, 'tick': int} (annotate its parameter Data[…, {'approval': Approval, 'tick': int}], or put a step in between that makes Approval of it)  [typedflow-flow]
    return flow


def take_iterable(data: Data[Whole, Collection[str]]) -> str:
    return ""


def goes_to_iterable() -> Flow[Whole]:
    flow = Flow(Whole)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    flow.when("ticked").collect("all", "tick").to(take_iterable).end()
    return flow


# in a batch


class BatchTupleAny(Whole):
    result: tuple[Any, ...]


def batch_ends_as_tuple_any() -> Flow[BatchTupleAny]:
    flow = Flow(BatchTupleAny)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    every = flow.when("ticked").collect("all", "tick")
    every.batch().branch(lambda data: data.value, name="one").branch(lambda data: data.value, name="two").end_batch().end()
    return flow


class BatchSequence(Whole):
    result: Sequence[Any]


def batch_ends_as_sequence() -> Flow[BatchSequence]:
    flow = Flow(BatchSequence)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    every = flow.when("ticked").collect("all", "tick")
    every.batch().branch(lambda data: data.value, name="one").branch(lambda data: data.value, name="two").end_batch().end()
    return flow


class BatchTupleOfDicts(Whole):
    result: tuple[dict[str, Any], dict[str, Any]]


def batch_ends_as_tuple_of_dicts() -> Flow[BatchTupleOfDicts]:
    flow = Flow(BatchTupleOfDicts)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    every = flow.when("ticked").collect("all", "tick")
    every.batch().branch(lambda data: data.value, name="one").branch(lambda data: data.value, name="two").end_batch().end()
    return flow


class BatchDicts(Whole):
    result: tuple[dict[str, Any], ...]


def batch_ends_as_dicts() -> Flow[BatchDicts]:
    flow = Flow(BatchDicts)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    every = flow.when("ticked").collect("all", "tick")
    every.batch().branch(lambda data: data.value, name="one").branch(lambda data: data.value, name="two").end_batch().end()
    return flow


class BatchSequenceOfBoth(Whole):
    result: Sequence[Both]


def batch_ends_as_sequence_of_both() -> Flow[BatchSequenceOfBoth]:
    flow = Flow(BatchSequenceOfBoth)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    every = flow.when("ticked").collect("all", "tick")
    every.batch().branch(lambda data: data.value, name="one").branch(lambda data: data.value, name="two").end_batch().end()
    return flow


class BatchListAny(Whole):
    result: list[Any]


def batch_ends_as_list_any() -> Flow[BatchListAny]:
    flow = Flow(BatchListAny)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    every = flow.when("ticked").collect("all", "tick")
    every.batch().branch(lambda data: data.value, name="one").branch(lambda data: data.value, name="two").end_batch().end()
    #                                                                                                                 ^ E: TF702: end() sets the result of contract 'BatchListAny', list[Any], and gets tuple[{'approval': Approval, 'tick': int}, {'approval': Approval, 'tick': int}] (add a step before end() that returns list[Any])  [typedflow-flow]
    return flow


class BatchTupleOfLess(Whole):
    result: tuple[Less, ...]


def batch_ends_as_tuple_of_less() -> Flow[BatchTupleOfLess]:
    flow = Flow(BatchTupleOfLess)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    every = flow.when("ticked").collect("all", "tick")
    every.batch().branch(lambda data: data.value, name="one").branch(lambda data: data.value, name="two").end_batch().end()
    #                                                                                                                 ^ E: TF702: end() sets the result of contract 'BatchTupleOfLess', tuple[Less, ...], and gets tuple[{'approval': Approval, 'tick': int}, {'approval': Approval, 'tick': int}] (add a step before end() that returns tuple[Less, ...])  [typedflow-flow]
    return flow


class BatchThree(Whole):
    result: tuple[Any, Any, Any]


def batch_ends_as_three() -> Flow[BatchThree]:
    flow = Flow(BatchThree)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    every = flow.when("ticked").collect("all", "tick")
    every.batch().branch(lambda data: data.value, name="one").branch(lambda data: data.value, name="two").end_batch().end()
    #                                                                                                                 ^ E: TF702: end() sets the result of contract 'BatchThree', tuple[Any, Any, Any], and gets tuple[{'approval': Approval, 'tick': int}, {'approval': Approval, 'tick': int}] (add a step before end() that returns tuple[Any, Any, Any])  [typedflow-flow]
    return flow


class BatchCollection(Whole):
    result: Collection[dict[str, Any] | None]


def batch_ends_as_collection() -> Flow[BatchCollection]:
    flow = Flow(BatchCollection)
    flow.to(emit)
    flow.when("approved").collect("all", "approval")
    every = flow.when("ticked").collect("all", "tick")
    every.batch().branch(lambda data: data.value, name="one").branch(lambda data: data.value, name="two").end_batch().end()
    return flow
