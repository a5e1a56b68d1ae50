"""`jepsen-lite check`: the verdict on a recorded history."""

import json
import os
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jepsen_lite.cli.exits import UsageFault

if TYPE_CHECKING:
    from jepsen_lite.history import History


class ModelName(StrEnum):
    """The models, by name."""

    REGISTER = "register"
    CAS_REGISTER = "cas-register"
    KV = "kv"


def check(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A history, one JSON object a line; or a run folder."),
    ],
    model: Annotated[
        ModelName | None, typer.Option(help="What the history is a history of.")
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="NODES", help="The search nodes a key may take; then it is unknown."
        ),
    ] = None,
    mutants: Annotated[
        int,
        typer.Option(
            min=0,
            max=100_000,
            metavar="N",
            help="After a true verdict, judge N copies with one read made stale.",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(help="The seed of the mutants' dice.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as one JSON object.")
    ] = False,
) -> int:
    """Judge a history or a run: exit 0 true, 1 false, 2 unknown, 254 unusable, 255 our fault."""
    if os.path.isdir(path):  # noqa: PTH112 - false, where Path.is_dir raises (a name too long)
        if model is not None or budget is not None or mutants or seed:
            raise UsageFault(
                f"{str(path)!a} is a folder, and a run is judged by all its checks: --model, "
                "--budget, --mutants and --seed belong to a history file"
            )
        return _check_run(path, as_json=as_json)
    from jepsen_lite.checkers import NODES_MAX, check_linearizable, mutation_score  # noqa: PLC0415
    from jepsen_lite.verdict import Verdict  # noqa: PLC0415

    history = _read(path, model)
    for warning in history.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    result = check_linearizable(history, nodes_max=budget or NODES_MAX)
    score = None
    if mutants and result.valid is Verdict.TRUE:
        score = mutation_score(result, seed=seed, copies=mutants)
    if as_json:
        mutation = None if score is None else score.to_json()
        print(json.dumps(result.to_json() | {"mutation": mutation}))
    else:
        print(result.message)
        if score is not None:
            print(score.message)
    return result.valid.exit_code


def _check_run(folder: Path, *, as_json: bool) -> int:
    """Judge the run in *folder* again, from what it left there."""
    from jepsen_lite.history import MalformedHistory  # noqa: PLC0415
    from jepsen_lite.verdicts import judge  # noqa: PLC0415

    if (lack := _lack(folder)) is not None:
        raise UsageFault(lack)
    try:
        results = judge(folder)
    except (OSError, ValueError, MalformedHistory) as error:
        reason = str(error)
        if isinstance(error, OSError):
            reason = f"{error.strerror}: {error.filename!a}"
        name = ascii(str(folder))
        raise UsageFault(f"{name} holds no run that can be judged: {reason}") from None
    if as_json:
        print(json.dumps(results.to_json()))
        return results.valid.exit_code
    for check_ in results.checks:
        print(f"{check_.name:13} {check_.valid.value:8} {check_.message}")
    print(f"verdict: {results.valid.value}")
    return results.valid.exit_code


def _lack(folder: Path) -> str | None:
    """Why *folder* holds no whole run, and what can be done with it; None if it holds one."""
    from jepsen_lite.verdicts.evidence import ENDING, HISTORY  # noqa: PLC0415

    name, history = ascii(str(folder)), folder / HISTORY
    if not history.is_file():
        return f"{name} holds no run: there is no {HISTORY} in it; give a run folder or a history"
    if not (folder / ENDING).is_file():
        return (
            f"the run in {name} was cut short: there is no {ENDING} in it, without which most "
            "checks cannot answer; its history alone can be judged: "
            f"jepsen-lite check --model kv {shlex.quote(str(history))}"
        )
    return None


def _read(path: Path, model: ModelName | None) -> "History":
    """The history at *path*. Raises UsageFault if there is none to be judged."""
    from jepsen_lite.history import MalformedHistory, read_history  # noqa: PLC0415
    from jepsen_lite.models import MODELS  # noqa: PLC0415

    name = ascii(str(path))
    if model is None:
        raise UsageFault(f"--model is missing: say what {name} is, {', '.join(ModelName)}")
    try:
        return read_history(path, MODELS[model.value])
    except MalformedHistory as malformed:
        raise UsageFault(f"{name} is no history of a {model.value}: {malformed}") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageFault(f"{name} cannot be read: {reason}") from None
