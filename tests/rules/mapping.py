"""Each rule with all that concerns it, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.core.patches import BREAKS
from tests.rules.sources import (
    by_rule,
    cited,
    product_texts,
    script_texts,
    tests_in,
    texts_of_tests,
)
from tests.rules.table import GROUPS, Rule

_BROKEN_BY_PATCHES = ("RV", "AE", "ALL", "F", "C", "L", "IS.1", "IS.5", "IS.6", "IS.7", "IS.8", "W")
"""Ids, or their beginnings: the rules of the core that have lines of their own."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """One rule: files with the names in them, scripts, and patches (module, tests)."""

    rule: Rule
    functions: Mapping[str, tuple[str, ...]]
    invariants: Mapping[str, tuple[str, ...]]
    tests: Mapping[str, tuple[str, ...]]
    scripts: tuple[str, ...]
    patches: tuple[tuple[str, str], ...]

    def gaps(self) -> list[str]:
        """What is missing, a sentence each."""
        rule = self.rule
        if not rule.built:
            kept = [*self.functions, *self.tests]
            where = ", ".join(kept)
            return [f"{rule.id} is said not to be built, but is named in {where}"] if kept else []
        missing = []
        if not self.functions:
            missing.append(f"{rule.id} has no function that cites it")
        if not self.tests:
            missing.append(f"{rule.id} has no test whose name begins with {rule.test_prefix}")
        if rule.id.startswith(_BROKEN_BY_PATCHES) and not self.patches:
            missing.append(f"{rule.id} has no patch in tests/core/patches.py that breaks it")
        return missing


def mapped(
    rule: Rule,
    product: Mapping[str, str],
    tests: Mapping[str, str],
    scripts: Mapping[str, str],
) -> Mapped:
    """What these texts have to say of *rule*."""
    citing = by_rule(product, rule.id)
    patches = {(one.module, f"test_{one.tests}"): None for one in BREAKS if one.rule == rule.id}
    return Mapped(
        rule=rule,
        functions={file: names for file, names in citing.items() if not _judges(file)},
        invariants={file: names for file, names in citing.items() if _judges(file)},
        tests=_named_by(rule, tests),
        scripts=tuple(name for name, text in scripts.items() if rule.id in _told(text)),
        patches=tuple(patches),
    )


def _judges(file: str) -> bool:
    return file.startswith("core/invariants/")


def _named_by(rule: Rule, tests: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The tests named by *rule*; those of §3.6.1 are not named by §3.6."""
    name = re.compile(rf"{rule.test_prefix}(?!\d)")
    found = {file: tuple(filter(name.match, tests_in(text))) for file, text in tests.items()}
    return {file: names for file, names in found.items() if names}


def _told(script: str) -> set[str]:
    comment = (line for line in script.splitlines() if line.startswith("#"))
    return {rule for line in comment for rule in cited(line)}


def rule_map() -> list[tuple[str, list[Mapped]]]:
    """The whole, group by group."""
    texts = (product_texts(), texts_of_tests(), script_texts())
    return [(group.title, [mapped(rule, *texts) for rule in group.rules]) for group in GROUPS]
