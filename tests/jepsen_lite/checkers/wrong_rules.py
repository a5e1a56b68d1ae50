"""The search with one of its rules made wrong, as somebody might have written it.

Each wrong rule is a text patch of the search's own modules, loaded beside the right ones.
A patch refuses when its text is not there exactly once, so no wrong rule turns right unnoticed.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Final

from jepsen_lite.checkers import chains, plan, search
from jepsen_lite.checkers.calls import Call
from jepsen_lite.plants.patching import Patch

_MODULES: Final = (plan, chains, search)
_PACKAGE: Final = "jepsen_lite.checkers"

Search = Callable[[Sequence[Call]], tuple[int, ...] | None]
"""The order that was found, or None if there is said to be none."""


def _patch(module: str, old: str, new: str) -> Patch:
    return Patch(f"{_PACKAGE}.{module}", old, new)


WRONG_RULES: Final = {
    "1: the key forgets what is done beyond the frontier": _patch(
        "search",
        "key = (frontier, done, used, self._identity(value))",
        "key = (frontier, 0, used, self._identity(value))",
    ),
    "1: the key forgets which indefinite calls are used up": _patch(
        "search",
        "key = (frontier, done, used, self._identity(value))",
        "key = (frontier, done, 0, self._identity(value))",
    ),
    "2: a write of the value that is there is eager too": _patch(
        "search",
        "if makes[call] != nothing:\n                    waiting",
        "if makes[call] not in (nothing, value):\n                    waiting",
    ),
    "2: a mismatch is placed even where its old value is": _patch(
        "search",
        "requires[call] == nothing and watches[call] != value",
        "requires[call] == nothing",
    ),
    "3: of one effect, the call that returns last stands for all": _patch(
        "search",
        "if call < first.get(effect, plan.definite):",
        "if call > first.get(effect, -1):",
    ),
    "3: a cas and a write of one value have the same effect": _patch(
        "search",
        "in first.items():",
        "in {made: ((required, made), call) for call, required, made in sorted("
        "((call, *effect) for effect, call in first.items()), reverse=True)}.values():",
    ),
    "3: an indefinite call waits for any definite call that makes the same value": _patch(
        "search",
        "effects = {(plan.requires[call], makes[call]) for call in waiting}",
        "effects = {(nothing, makes[call]) for call in waiting}",
    ),
    "4: a value that only a mismatch looks at is dead": _patch(
        "search",
        "return value if self.watching[value] else _DEAD",
        "return value if self.requiring[value] else _DEAD",
    ),
    "4: a value that only an indefinite cas looks at is dead": _patch(
        "search",
        "            self.watching[plan.watches[call]] += 1\n",
        "            self.watching[plan.watches[call]] += call < plan.definite\n",
    ),
    "5: a chain is never longer than one call": _patch(
        "chains", "goals.append((source, (call, *chain), passed | {source}))", "continue"
    ),
    "5: of two chains to one value, one is enough": _patch(
        "chains", "return found\n", "return found[:1]\n"
    ),
    "5: no mismatch needs an indefinite call": _patch(
        "search", "if denied:", "if denied and limit < 0:"
    ),
    "5: an indefinite call may be used before it is invoked": _patch(
        "chains", "if call >= limit:\n                return None", "pass"
    ),
    "6: a mismatch is stranded like a read": _patch(
        "search",
        "self.requiring[past] and not self.making[past]:\n                if frontier",
        "self.watching[past] and not self.making[past]:\n                return None\n"
        "                if frontier",
    ),
    "6: what an indefinite call may still make does not count": _patch(
        "search",
        "            self.making[plan.makes[call]] += 1\n",
        "            self.making[plan.makes[call]] += call < plan.definite\n",
    ),
    "6: a value that is required once more is stranded even if it stays": _patch(
        "search", "if past != value and self.requiring[past]", "if self.requiring[past]"
    ),
    "7: a commit looks at no mismatch": _patch(
        "search", "while branches and not self.mismatches:", "while branches:"
    ),
    "7: a commit does not look at the value that was there": _patch(
        "search", "if watching[before] or any(", "if any("
    ),
    "7: a commit does not look at the values that were made": _patch(
        "search",
        "if watching[before] or any(watching[makes[call]] for call in way):",
        "if watching[before]:",
    ),
    "7: a commit looks at the last value of a chain alone": _patch(
        "search", "for call in way):", "for call in way[-1:]):"
    ),
}


def wrong_search(rule: str) -> Search:
    """The search that follows the wrong *rule*."""
    patch = WRONG_RULES[rule]
    loaded = {module.__name__: sys.modules[module.__name__] for module in _MODULES}
    try:
        for module in _MODULES:
            sys.modules[module.__name__] = _load(module, patch)
        wrong = sys.modules[search.__name__].__dict__["search"]
        return lambda calls: getattr(wrong(calls), "order", None)
    finally:
        sys.modules.update(loaded)


def _load(module: ModuleType, patch: Patch) -> ModuleType:
    assert module.__file__ is not None, "the search is Python source"
    source = Path(module.__file__).read_text(encoding="utf-8")
    if patch.module == module.__name__:
        source = patch.applied_to(source)
    spec = spec_from_loader(module.__name__, loader=None)
    assert spec is not None, "a name makes a spec"
    copy = module_from_spec(spec)
    sys.modules[module.__name__] = copy
    exec(compile(source, module.__file__, "exec"), copy.__dict__)
    return copy
