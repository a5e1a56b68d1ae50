"""The rule map as a page for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.rules.mapping import Mapped

PAGE = Path(__file__).parent.parent.parent / "docs" / "rules.md"

_HEAD = """\
# The rules, and who keeps them

Written by `python -m tests.rules`; a test says when it is out of date.  A rule of the
dissertation's Figures 3.1 and 5.3 has the number of its line there; W and O numbers are those of
the durability contract and of what an embedder owes; a section mark means a section of the
dissertation.  “Kept by” names the functions and classes that cite the rule, “judged by” the
invariants that do, “tested by” the tests named by it, “told by” the golden scripts that show it,
and “broken by” the module that a small patch changes, with the tests that must notice (`python -m
tests.core.patches`).
"""


def page(rule_map: Sequence[tuple[str, Sequence[Mapped]]]) -> str:
    """The text of the page."""
    lines = [_HEAD, _summary(rule_map)]
    for title, rules in rule_map:
        lines += ["", f"## {title}", ""]
        for one in rules:
            lines += [*_told(one), ""]
        lines.pop()
    return "\n".join(lines) + "\n"


def _summary(rule_map: Sequence[tuple[str, Sequence[Mapped]]]) -> str:
    rules = [one for _, group in rule_map for one in group]
    built = [one for one in rules if one.rule.built]
    told, broken = sum(bool(one.scripts) for one in built), sum(bool(one.patches) for one in built)
    return (
        f"{len(rules)} rules, {len(built)} of them built and tested; {told} are told by a golden "
        f"script, {broken} are broken by a patch that their tests kill."
    )


def _told(one: Mapped) -> Iterator[str]:
    yield f"### {one.rule.id}"
    yield ""
    if not one.rule.built:
        yield f"{one.rule.sentence} **Not built.**"
        return
    yield one.rule.sentence
    yield ""
    yield f"- kept by {_places(one.functions, '../huffleraft')}"
    if one.invariants:
        yield f"- judged by {_places(one.invariants, '../huffleraft')}"
    yield f"- tested by {_places(one.tests, '../tests')}"
    if one.scripts:
        yield f"- told by {_scripts(one.scripts)}"
    if one.patches:
        yield f"- broken by {_patches(one.patches)}"


def _places(found: Mapping[str, tuple[str, ...]], root: str) -> str:
    return "; ".join(
        f"[{file}]({root}/{file}) " + ", ".join(f"`{name}`" for name in names)
        for file, names in found.items()
    )


def _scripts(scripts: Sequence[str]) -> str:
    root = "../tests/core/scripts"
    return ", ".join(f"[{script.removesuffix('.txt')}]({root}/{script})" for script in scripts)


def _patches(patches: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{module} (`{tests}…`)" for module, tests in patches)
