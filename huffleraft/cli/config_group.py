"""`huffleraft config show`: what a command would run with, and who says so."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from huffleraft.cli import exits, layers
from huffleraft.cli.output import Output, OutputOption, print_json, print_table

app = typer.Typer(
    name="config",
    help="See what a command would run with: flags > HUFFLERAFT_* > --config FILE > defaults.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Layered(StrEnum):
    """The commands with layers."""

    SERVE = "serve"
    DEV = "dev"


@app.command(
    epilog=exits.exit_codes_text(exits.some(0, 2, 16)),
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
def show(
    ctx: typer.Context,
    command: Annotated[
        Layered, typer.Option("--for", help="Whose options; its flags may follow.")
    ] = Layered.SERVE,
    origin: Annotated[
        bool, typer.Option("--origin", help="Show also who says so: flag, variable, file, default.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show each option of a command as it would be taken now.

    What is not known here is taken for a flag of that command: huffleraft config show --origin
    --config node.toml --id n1.
    """
    root: Any = ctx.find_root().command
    asked = root.commands[command.value]
    for setting in layers.settings_of(asked):
        setting.required = False  # nothing is started, so nothing must be there
    within = asked.make_context(f"huffleraft {command.value}", list(ctx.args))
    rows = [
        (layers.key_of(one), layers.shown(within.params[one.name]), _origin(within, one))
        for one in layers.settings_of(asked)
    ]
    if output is Output.JSON:
        print_json(
            {
                name: {"value": value, "origin": said[0], "from": said[1]} if origin else value
                for name, value, said in rows
            }
        )
    elif origin:
        told = [(name, value, said[1] or said[0]) for name, value, said in rows]
        print_table(("OPTION", "VALUE", "ORIGIN"), told)
    else:
        print_table(("OPTION", "VALUE"), [row[:2] for row in rows])


def _origin(ctx: Any, setting: layers.Setting) -> tuple[str, str | None]:
    """The layer, and where in it."""
    far = layers.far_origin(ctx, setting)
    match ctx.get_parameter_source(setting.name).name:
        case "COMMANDLINE":
            return "flag", str(setting.opts[0])
        case "ENVIRONMENT":
            return "environment", far
        case "DEFAULT_MAP":
            return "file", far
        case _:
            return "default", None
