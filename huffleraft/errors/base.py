"""What all errors are: a class for each fact, whose fields are its arguments."""

from __future__ import annotations

from dataclasses import fields


class HuffleraftError(Exception):
    """Any error of huffleraft; catch a subclass to act on one fact."""

    code: str = "error"
    definite: bool = True
    exit_code: int = 1


class Fact(HuffleraftError):  # noqa: N818  # a fact is named for what happened
    """An error whose fields are those of a dataclass; `args` holds them, so it pickles."""

    def __post_init__(self) -> None:
        self.args = tuple(getattr(self, one.name) for one in fields(self))  # type: ignore[arg-type]  # every subclass is a dataclass
