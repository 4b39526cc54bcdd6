"""What the problems of a flow as a document say."""

from __future__ import annotations

import pytest

from typedflow.rules import configs
from typedflow.rules.problems import Problem


@pytest.mark.parametrize(
    "problem, message",
    [
        (
            configs.nameless_problem("handler"),
            "TF760: the handler is a lambda, which has no name that a config could bind "
            '(write it as a function, or register it: flow.chunk("name")(…))',
        ),
        (
            configs.shared_name_problem("run", "condition"),
            "TF760: two conditions are called 'run', which a config cannot distinguish "
            '(register one under another name: flow.chunk("name")(…))',
        ),
        (
            configs.unreadable_config_problem("no 'flow'"),
            "TF761: this is no config of a flow: no 'flow' (make one with flow.to_config())",
        ),
        (
            configs.incompatible_config_problem("typedflow.config/9", "typedflow.config/1"),
            "TF761: the config has the format 'typedflow.config/9' (str), and this version of typedflow reads "
            "'typedflow.config/1' (export it once more, with this version)",
        ),
        (
            configs.not_a_config_problem(5),
            "TF761: a config is text, bytes, a mapping or a path, not 5 (int) (make one with flow.to_config())",
        ),
        (
            configs.unknown_form_problem("toml", ("json", "yaml")),
            "TF761: a config is written as 'json', 'yaml', not 'toml' (str)",
        ),
        (
            configs.no_yaml_problem(),
            "TF761: YAML needs PyYAML, which is not installed (pip install 'typedflow[yaml]', or use JSON)",
        ),
        (
            configs.unbound_problem("serch", "handler", ["search"]),
            "TF762: the config names the handler 'serch', which handlers= does not hold (did you mean 'search'?)",
        ),
        (
            configs.unbound_problem("is_big", "condition", []),
            "TF762: the config names the condition 'is_big', which conditions= does not hold "
            "(pass conditions={'is_big': …})",
        ),
        (
            configs.misfit_problem("'a' is not closed"),
            "TF763: 'a' is not closed (a config is changed by hand only where names and options stand)",
        ),
        (
            configs.other_contract_config_problem("Audit", 1, "Review", 1),
            "TF764: the config is of contract 'Audit', not 'Review' "
            "(pass the contract that it was exported with, or export it once more)",
        ),
        (
            configs.other_contract_config_problem("Review", 3, "Review", 2),
            "TF764: the config is of version 3 of contract 'Review', which is at 2 "
            "(pass the contract that it was exported with, or export it once more)",
        ),
    ],
    ids=lambda value: value.partition(" (")[0] if isinstance(value, str) else "",
)
def test_a_problem_of_a_config_names_the_next_step(problem: Problem, message: str) -> None:
    assert problem.render() == message
