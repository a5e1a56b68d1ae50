"""What the texts of this project say of rules: which function cites one, which test is named by it.

A citation is a rule id in a docstring or a comment, as `AE.3` or `§4.2.2`; a range such as
`AE.2-AE.4` cites each of its rules.  It belongs to the innermost function or class around it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import huffleraft

PRODUCT = Path(huffleraft.__file__).parent
TESTS = Path(__file__).parent.parent
SCRIPTS = TESTS / "core" / "scripts"

_ID = r"(?:RV|AE|ALL|IS|F|C|L)\.\d+|[WO]\d{1,2}|§\d+(?:\.\d+)*"
_CITED = re.compile(rf"(?<![\w.])({_ID})(?:(?:-| to )({_ID}))?(?![\w])")


def cited(line: str) -> Iterator[str]:
    """The rules that *line* names."""
    for first, last in _CITED.findall(line):
        start, end = _number(first), _number(last or first)
        if first.startswith("§") or not last:
            yield from filter(None, (first, last))
        else:
            yield from (f"{_letters(first)}{number}" for number in range(start, end + 1))


def _number(rule: str) -> int:
    return int(re.split(r"[^\d]", rule)[-1])


def _letters(rule: str) -> str:
    return re.sub(r"\d+$", "", rule)


@lru_cache(maxsize=1024)
def citations(text: str) -> dict[str, tuple[str, ...]]:
    """Of each rule that the Python *text* cites: the functions and classes that do.

    The module itself is named by the empty name.
    """
    spans = list(_definitions(ast.parse(text)))
    found: dict[str, dict[str, None]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        for rule in cited(line):
            around = [name for name, first, last in spans if first <= number <= last]
            found.setdefault(rule, {})[around[-1] if around else ""] = None
    return {rule: tuple(names) for rule, names in found.items()}


@lru_cache(maxsize=1024)
def tests_in(text: str) -> tuple[str, ...]:
    """The names of the tests in the Python *text*."""
    names = (name for name, _, _ in _definitions(ast.parse(text)))
    return tuple(name for name in names if name.startswith("test_"))


def _definitions(node: ast.AST, inside: str = "") -> Iterator[tuple[str, int, int]]:
    """Every function and class, outer ones first: its name, its first line and its last."""
    for child in ast.iter_child_nodes(node):
        name = inside
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{inside}.{child.name}".removeprefix(".")
            yield name, child.lineno, child.end_lineno or child.lineno
        yield from _definitions(child, name)


def product_texts() -> dict[str, str]:
    """The product's modules, by their path inside it."""
    return _texts(PRODUCT, "*.py")


def texts_of_tests() -> dict[str, str]:
    """The test modules, by their path inside `tests`."""
    return _texts(TESTS, "test_*.py")


def script_texts() -> dict[str, str]:
    """The golden scripts, by their name."""
    return _texts(SCRIPTS, "*.txt")


def _texts(folder: Path, pattern: str) -> dict[str, str]:
    found = sorted(folder.rglob(pattern))
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in found}


def by_rule(texts: Mapping[str, str], rule: str) -> dict[str, tuple[str, ...]]:
    """The functions and classes in *texts* that cite *rule*, by file; bare modules are none."""
    found = {file: citations(text).get(rule, ()) for file, text in texts.items()}
    named = {file: tuple(filter(None, names)) for file, names in found.items()}
    return {file: names for file, names in named.items() if names}
