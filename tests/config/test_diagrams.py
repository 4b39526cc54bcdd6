"""A definition as a diagram."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from typedflow import Contract, ContractError, Data, Failed, Flow
from typedflow.api.blueprint import runtime_of
from typedflow.config.diagrams import compose_dot, compose_mermaid


class Count(Contract):
    input: int
    result: str


class Half(Contract):
    input: int
    result: int


def double(data: Data[Count, int]) -> int:
    return data.value * 2


def tell(data: Data[Count, int]) -> str:
    return str(data.value)


def halve(data: Data[Half, int]) -> int:
    return data.value // 2


def is_big(data: Data[Count, int]) -> bool:
    return data.value > 9


def chain() -> Flow[Count]:
    flow = Flow(Count)
    flow.to(double).to(tell).end()
    return flow


def chosen() -> Flow[Count]:
    flow = Flow(Count)
    flow.match().case(is_big).to(tell).case_else().to(double).to(tell).end_match().end()
    return flow


def test_a_chain() -> None:
    assert chain().to_mermaid().splitlines() == [
        "---",
        "title: \"flow 'Count', simplified: its config is the truth\"",
        "---",
        "flowchart TD",
        '    n0(["start"])',
        '    n1["double"]',
        '    n2["tell"]',
        '    n3(["end"])',
        "    n0 --> n1",
        "    n1 --> n2",
        "    n2 --> n3",
    ]


def test_a_detailed_diagram_names_the_types_on_the_edges() -> None:
    assert chain().to_mermaid(detailed=True).splitlines()[-3:] == [
        '    n0 -->|"int"| n1',
        '    n1 -->|"int"| n2',
        '    n2 -->|"str"| n3',
    ]


def test_cases_stand_on_the_edges_of_a_match() -> None:
    edges = [line for line in chosen().to_mermaid().splitlines() if "-->|" in line]
    assert edges == ['    n1 -->|"is_big"| n2', '    n1 -->|"else"| n3']


def test_a_child_is_named_with_its_flow() -> None:
    child = Flow(Half)
    child.to(halve).end()
    flow = Flow(Count)
    flow.to_sub_flow(child).to(tell).end()
    assert '(flow Half)"]]' in flow.to_mermaid()


def test_a_remote_child_is_named_as_one() -> None:
    child, flow = Flow(Half), Flow(Half)
    child.to(halve).end()
    flow.to_sub_flow(child, remote=True).end()
    assert 'Half (remote flow Half)"]]' in flow.to_mermaid()
    assert "(remote flow Half)" in flow.to_dot()


@pytest.mark.parametrize(
    "name, shown", [('a"b', "a#34;b"), ("a#b", "a#35;b"), ("<b>", "#60;b#62;"), ("a\nb", "a b"), ("Maß", "Maß")]
)
def test_what_would_end_a_label_is_escaped(name: str, shown: str) -> None:
    flow = Flow(Count)
    flow.to(tell, name=name).end()
    assert f'    n1["{shown}"]' in flow.to_mermaid().splitlines()


@pytest.mark.parametrize("build", [chain, chosen])
def test_two_builds_draw_the_same(build: Callable[[], Flow[Count]]) -> None:
    assert build().to_mermaid(detailed=True) == build().to_mermaid(detailed=True)


def test_a_drawn_flow_can_be_extended() -> None:
    flow = Flow(Count)
    step = flow.to(double)
    flow.to_mermaid()
    step.to(tell).end()
    assert flow.start(2) == "4"


def test_a_wrong_flow_is_refused() -> None:
    flow = Flow(Count)
    flow.to(double).end()
    with pytest.raises(ContractError):
        flow.to_mermaid()


def total(data: Data[Count, tuple[int, int]]) -> list[int]:
    return list(data.value)


def longest(data: Data[Count, list[str]]) -> str:
    return max(data.value, key=len)


def test_every_block_has_its_shape() -> None:
    flow = Flow(Count)
    pair = flow.batch().branch(double, name="a").branch(double, name="b").end_batch().to(total)
    pair.for_each().to(tell).end_for_each().to(longest).end()
    drawn = flow.to_mermaid()
    shapes = ['[/"batch"\\]', "n1 --> n2", "n1 --> n3", '[/"for_each"\\]', '(["end"])']
    assert [shape for shape in shapes if shape not in drawn] == []
    assert drawn.count('[\\"') == 2  # the ends of both blocks


def test_the_name_of_a_branch_stands_on_its_edge_unless_the_step_has_it() -> None:
    flow = Flow(Count)
    flow.batch().branch(double, name="a").branch(lambda data: data.value, name="b").end_batch().to(total).for_each().to(
        tell
    ).end_for_each().to(longest).end()
    assert '|"a"|' not in flow.to_mermaid()
    assert '|"is_big"|' in chosen().to_mermaid()


def test_notes_stand_below_the_names_of_nodes() -> None:
    flow = chain()
    spec, definition = runtime_of(flow).spec, runtime_of(flow).builder.draft()
    notes = {"double": ["reads state.a", 'writes state["b"]']}
    assert '    n1["double<br/>reads state.a<br/>writes state[#34;b#34;]"]' in compose_mermaid(
        definition, spec, notes=notes
    )
    assert r'    n1 [label="double\nreads state.a\nwrites state[\"b\"]" shape=box]' in compose_dot(
        definition, spec, notes=notes
    )


def test_a_chain_in_dot() -> None:
    lines = chain().to_dot(detailed=True).splitlines()
    assert lines[:2] == ['digraph "Count" {', """    label="flow 'Count', simplified: its config is the truth\""""]
    assert lines[6:] == [
        '    n0 [label="start" shape=box style="rounded,filled" fillcolor=gray85]',
        '    n1 [label="double" shape=box]',
        '    n2 [label="tell" shape=box]',
        '    n3 [label="end" shape=box style="rounded,filled" fillcolor=gray85]',
        '    n0 -> n1 [label=" int "]',
        '    n1 -> n2 [label=" int "]',
        '    n2 -> n3 [label=" str "]',
        "}",
    ]


def test_what_is_inside_of_a_block_stands_in_a_frame_of_dot() -> None:
    flow = Flow(Count)
    flow.to(double).batch().branch(double, name="a").branch(double, name="b").end_batch().to(
        total
    ).for_each().match().case(is_big).to(tell).case_else().to(tell).end_match().end_for_each().to(longest).end()
    lines = flow.to_dot().splitlines()
    first = next(at for at, line in enumerate(lines) if "subgraph" in line)
    frames = [line for line in lines[first:] if "->" not in line]
    assert frames == [
        "    subgraph cluster_2 {",
        '        label="" fillcolor=gray97',
        "        n3",
        "        n4",
        "    }",
        "    subgraph cluster_7 {",
        '        label="" fillcolor=gray97',
        "        n8",
        "        n11",
        "        subgraph cluster_8 {",
        '            label="" fillcolor=gray92',
        "            n9",
        "            n10",
        "        }",
        "    }",
        "}",
    ]


@pytest.mark.parametrize(
    "name, shown", [('a"b', r"a\"b"), ("a\\b", r"a\\b"), ("a\nb", "a b"), ("<b>", "<b>"), ("Maß", "Maß")]
)
def test_what_would_end_a_string_of_dot_is_escaped(name: str, shown: str) -> None:
    flow = Flow(Count)
    flow.to(tell, name=name).end()
    assert f'    n1 [label="{shown}" shape=box]' in flow.to_dot().splitlines()


def handled(data: Data[Count, Failed[int]]) -> int:
    return data.value.attempts


def test_a_handler_for_errors_and_a_case_by_class() -> None:
    flow = Flow(Count)
    flow.to(double, on_error=handled).match().case_type(int).to(tell).end_match().end()
    assert flow.to_mermaid(detailed=True).splitlines()[4:] == [
        '    n0(["start"])',
        '    n1["double"]',
        '    n2("double failed")',
        '    n3["handled"]',
        '    n4("double done")',
        '    n5{"match"}',
        '    n6("case int")',
        '    n7["tell"]',
        '    n8[\\"end_match"/]',
        '    n9(["end"])',
        '    n0 -->|"int"| n1',
        '    n1 -->|"error"| n2',
        '    n2 -->|"Failed[int]"| n3',
        '    n1 -->|"int"| n4',
        '    n3 -->|"int"| n4',
        '    n4 -->|"int"| n5',
        '    n5 -->|"int: int"| n6',
        '    n6 -->|"int"| n7',
        '    n7 -->|"str"| n8',
        '    n8 -->|"str"| n9',
    ]
