"""Where an option's value comes from: its flag, the environment, a file, or its default.

In this order.  The one table of what can be set is the command's own list of options: of each
follow the name of its variable (`--data-dir`: HUFFLERAFT_DATA_DIR), its key in the file
(`data-dir`), its line in the help and its row in `config show`.  So an option that is added to a
command is added everywhere.

A file is TOML, flat, and holds options of the command that reads it alone.  What it says wrong is
told in one sentence that names the file and the key.
"""

from __future__ import annotations

import inspect
import tomllib
import types
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand

from huffleraft.errors import ConfigurationInvalid

_FILE = "--config"

_TOML_TYPES: dict[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
}
_TEXT = ((str,), "a string")

Setting: TypeAlias = Any
"""One of the command's options, as typer has it; it does not export their class."""


class LayeredCommand(TyperCommand):
    """A command whose options may stand in the environment and in a file too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for setting in settings_of(self):
            setting.envvar = f"HUFFLERAFT_{key_of(setting).replace('-', '_').upper()}"
            setting.show_envvar = True

    def invoke(self, ctx: Any) -> Any:
        """Run the command; if its options contradict each other, say where they come from."""
        try:
            return super().invoke(ctx)
        except ConfigurationInvalid as error:
            far: dict[str, list[str]] = {}
            for setting in settings_of(self):
                if (origin := far_origin(ctx, setting)) is not None:
                    far.setdefault(origin, []).append(key_of(setting))
            if not far:
                raise
            told = "; ".join(f"{origin} says {', '.join(keys)}" for origin, keys in far.items())
            raise ConfigurationInvalid(f"{error.why} ({told})") from error


def settings_of(command: Any) -> list[Setting]:
    """The options of *command* that have a variable."""
    return [one for one in command.params if one.param_type_name == "option"]


def key_of(setting: Setting) -> str:
    """The name of *setting* in a file: its flag without the dashes."""
    name: str = setting.opts[0]
    return name.removeprefix("--")


def far_origin(ctx: Any, setting: Setting) -> str | None:
    """The variable or the file that the value of *setting* comes from; None if from neither."""
    source = ctx.get_parameter_source(setting.name)
    match source.name if source is not None else None:
        case "ENVIRONMENT":
            return str(setting.envvar)
        case "DEFAULT_MAP":
            return str(ctx.params["config"])
        case _:
            return None


# The file.


def _read_file(ctx: typer.Context, path: Path | None) -> Path | None:
    """Give what the file says to the options that are read after it."""
    if path is not None:
        ctx.default_map = {
            setting.name: _readable(ctx, path, setting, value)
            for setting, value in _known(ctx, path, _parsed(path))
        }
    return path


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        _FILE,
        metavar="FILE",
        is_eager=True,
        callback=_read_file,
        help="Take what no flag and no variable says from this TOML file: option = value.",
    ),
]


def _parsed(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationInvalid(
            f"{path} cannot be read: {error.strerror}; name a TOML file"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationInvalid(f"{path} is no TOML: {error}; mend it there") from None


def _known(
    ctx: typer.Context, path: Path, document: Mapping[str, object]
) -> list[tuple[Setting, object]]:
    settings = {key_of(one): one for one in settings_of(ctx.command) if _FILE not in one.opts}
    for key in document:
        if key not in settings:
            raise ConfigurationInvalid(
                f"{path} has the key {key!r}, which is no option of {ctx.command.name}; "
                f"there are {', '.join(sorted(settings))}"
            )
    return [(settings[key], value) for key, value in document.items()]


def _readable(ctx: typer.Context, path: Path, setting: Setting, value: object) -> object:
    """*value* as its variable would hold it.  Raises ConfigurationInvalid if it does not fit."""
    wanted, kind = _TOML_TYPES.get(_type_of(ctx, setting), _TEXT)
    if type(value) not in wanted:
        raise ConfigurationInvalid(
            f"{path} says {key_of(setting)} = {value!r}; {kind} is expected there"
        )
    text = value if isinstance(value, bool) else str(value)
    try:
        setting.process_value(ctx, text)
    except typer.BadParameter as error:
        words = error.message.removeprefix("Value error, ")
        raise ConfigurationInvalid(
            f"{path} has a {key_of(setting)} that cannot be: {words}"
        ) from None
    return text


def _type_of(ctx: typer.Context, setting: Setting) -> type:
    """What the command's function takes for *setting*, where that may be missing too."""
    hints = get_type_hints(inspect.unwrap(ctx.command.callback))  # type: ignore[arg-type]  # ours have one
    hint = hints[setting.name]
    if get_origin(hint) in {Union, types.UnionType}:
        hint = next(one for one in get_args(hint) if one is not type(None))
    return hint if isinstance(hint, type) else str


# How values are shown.


def shown(value: object) -> object:
    """*value* in words that JSON knows, as the flag would take them."""
    match value:
        case Enum():
            return value.value
        case dict():
            return ",".join(f"{name}={where}" for name, where in value.items())
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)
