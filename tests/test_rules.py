"""Every rule has a function that cites it and a test named by it, and the page says which."""

from __future__ import annotations

import re

import pytest

from tests.rules.mapping import Mapped, mapped, rule_map
from tests.rules.page import PAGE, page
from tests.rules.sources import (
    citations,
    cited,
    product_texts,
    script_texts,
    texts_of_tests,
)
from tests.rules.table import RULES, Rule

PRODUCT, TESTS, SCRIPTS = product_texts(), texts_of_tests(), script_texts()
BUILT = [rule for rule in RULES if rule.built]


def found(
    rule: Rule, *, product: dict[str, str] = PRODUCT, tests: dict[str, str] = TESTS
) -> Mapped:
    return mapped(rule, product, tests, SCRIPTS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_cited_by_a_function_tested_by_name_and_broken_by_a_patch(rule: Rule) -> None:
    assert found(rule).gaps() == []


@pytest.mark.parametrize("rule", BUILT, ids=lambda rule: rule.id)
def test_a_citation_that_is_removed_is_missed(rule: Rule) -> None:
    id_ = re.compile(rf"(?<![\w.]){re.escape(rule.id)}(?![\w])")
    product = {file: id_.sub("", text) for file, text in PRODUCT.items()}

    assert f"{rule.id} has no function that cites it" in found(rule, product=product).gaps()


@pytest.mark.parametrize("rule", BUILT, ids=lambda rule: rule.id)
def test_a_test_that_is_removed_is_missed(rule: Rule) -> None:
    tests = {file: text.replace(rule.test_prefix, "test_of_") for file, text in TESTS.items()}

    (gap,) = found(rule, tests=tests).gaps()

    assert gap == f"{rule.id} has no test whose name begins with {rule.test_prefix}"


def test_a_rule_that_is_said_not_to_be_built_and_is_cited_is_noticed() -> None:
    rule = next(rule for rule in RULES if not rule.built)
    product = {"core/new.py": f'def new() -> None:\n    """New.  {rule.id}"""\n'}

    assert found(rule, product=product).gaps() == [
        f"{rule.id} is said not to be built, but is named in core/new.py"
    ]


def test_a_citation_belongs_to_the_innermost_function_and_a_modules_counts_for_none() -> None:
    text = (
        '"""A module.  W1"""\nclass A:\n    def b(self):\n        # AE.2-AE.4, §4.2.2; not XAE.5\n'
    )
    text += "        pass\n"

    assert citations(text) == {
        "W1": ("",), "AE.2": ("A.b",), "AE.3": ("A.b",), "AE.4": ("A.b",), "§4.2.2": ("A.b",),
    }  # fmt: skip


def test_whatever_the_core_cites_is_in_the_table() -> None:
    core = {file: text for file, text in PRODUCT.items() if file.startswith("core/")}
    named = {rule for text in core.values() for line in text.splitlines() for rule in cited(line)}

    assert named - {rule.id for rule in RULES} == set()


def test_the_page_of_the_rules_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(rule_map()), "write it with python -m tests.rules"
