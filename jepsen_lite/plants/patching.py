"""Planted bugs: text patches put into modules while they are imported.

A check that nobody has seen fail proves nothing, so every one is shown a program that is wrong
in the one way it is there for.  The product carries no switch for that: a plant names a module
and a text that occurs exactly once in its source, and an import hook replaces it in memory.
When the source moves on and the text is gone, the plant refuses instead of planting nothing.

The replacement may call `planted()`, which counts, tells standard error when the count doubles,
and returns True: a plant that never acted has shown nothing.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import TextIO


class PlantRefused(Exception):  # noqa: N818 - it refuses; the program has not failed
    """A plant cannot be put in: its text is not there, or its module is already imported."""


@dataclass(frozen=True, slots=True)
class Patch:
    """In the source of *module*, the one place that reads *old* shall read *new*."""

    module: str
    old: str
    new: str

    def applied_to(self, source: str) -> str:
        """*source* with the patch in it; `PlantRefused` unless *old* occurs exactly once."""
        found = source.count(self.old)
        if found != 1:
            msg = (
                f"the text to be replaced in {self.module} occurs {found} times, not once; "
                f"bring the plant up to date with the source: {self.old!r}"
            )
            raise PlantRefused(msg)
        return source.replace(self.old, self.new)


class Counter:
    """Counts how often planted lines acted, and says so while the program can still speak."""

    def __init__(self, name: str, out: TextIO) -> None:
        """Count for the plant called *name*, and tell *out*."""
        self.name = name
        self.acted = 0
        self._out = out

    def __call__(self) -> bool:
        """Count once more; True, so that it fits into a condition."""
        self.acted += 1
        if self.acted & (self.acted - 1) == 0:
            print(f"plant {self.name} acted {self.acted} times", file=self._out, flush=True)
        return True


def install(name: str, patches: Iterable[Patch], out: TextIO | None = None) -> Counter:
    """Patch the modules of *patches* from now on, as they are imported; return the counter.

    Raises `PlantRefused` when a module is imported already, and, at a module's import, when a
    patch's text is not there exactly once.
    """
    by_module: dict[str, list[Patch]] = {}
    for patch in patches:
        by_module.setdefault(patch.module, []).append(patch)
    for module in by_module:
        if module in sys.modules:
            msg = f"{module} is imported already; a plant has to be installed before"
            raise PlantRefused(msg)
    counter = Counter(name, out or sys.stderr)
    sys.meta_path.insert(0, _PlantingFinder(by_module, counter))
    return counter


class _PlantingFinder:
    """Finds the patched modules where they are, with a loader that patches their source."""

    def __init__(self, patches: dict[str, list[Patch]], planted: Callable[[], bool]) -> None:
        self._patches = patches
        self._planted = planted

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The spec of a module that has patches; None for every other."""
        if name not in self._patches:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.origin is None:
            msg = f"module {name} has no source file to be patched"
            raise PlantRefused(msg)
        loader = _PlantingLoader(name, spec.origin, self._patches[name], self._planted)
        return importlib.util.spec_from_file_location(
            name,
            spec.origin,
            loader=loader,
            submodule_search_locations=spec.submodule_search_locations,
        )


class _PlantingLoader(importlib.machinery.SourceFileLoader):
    """Compiles a module from its patched source; never from, nor into, the bytecode cache."""

    def __init__(
        self, name: str, path: str, patches: list[Patch], planted: Callable[[], bool]
    ) -> None:
        super().__init__(name, path)
        self._patches = patches
        self._planted = planted

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - importlib names it
        source = self.get_data(self.path).decode()
        for patch in self._patches:
            source = patch.applied_to(source)
        code: CodeType = compile(source, self.path, "exec", dont_inherit=True)
        return code

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["planted"] = self._planted
        super().exec_module(module)
