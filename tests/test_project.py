"""The project as a whole: what it promises by name exists, and the core stands alone."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import huffleraft

ROOT = Path(__file__).parent.parent
PACKAGES = ("huffleraft", "jepsen_lite")


def test_each_make_target_named_in_the_documents_is_listed_by_make_help() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    targets = set(re.findall(r"^ *make ([a-z]+)", listed, re.MULTILINE))

    for document in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / ".ci" / "run"):
        named = set(re.findall(r"\bmake ([a-z]+)", re.sub(r"#.*", "", document.read_text())))
        assert named <= targets, f"{document.name} names {named - targets}"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_opens_with_a_docstring(package: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / package).rglob("*.py")
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]

    assert not silent


def test_the_public_names_are_there() -> None:
    for name in huffleraft.__all__:
        assert getattr(huffleraft, name) is not None


def test_the_core_needs_nothing_installed() -> None:
    program = (
        "import sys\n"
        f"sys.path[:] = [{str(ROOT)!r}] + [p for p in sys.path if 'site-packages' not in p]\n"
        "import huffleraft.core, huffleraft.core.invariants\n"
        "own = {n.partition('.')[0] for n in sys.modules} - {'huffleraft'}\n"
        "print(sorted(own - set(sys.stdlib_module_names) - set(sys.builtin_module_names)))"
    )

    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False
    )

    assert (run.stdout.strip(), run.stderr) == ("['__main__']", "")


def test_the_installed_commands_point_at_functions() -> None:
    for module in ("huffleraft.cli", "jepsen_lite.cli"):
        assert callable(importlib.import_module(module).main)


def test_nothing_names_a_machine_or_a_registry() -> None:
    banned = re.compile(r"/home/[a-z]|/root/|" + "|".join(["py" + "pi.org", "python" + "hosted"]))
    texts = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    for name in texts:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ""} and path.is_file():
            found = banned.search(path.read_text(errors="ignore"))
            assert found is None or name == "tests/test_project.py", f"{name}: {found}"
