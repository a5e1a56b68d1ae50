"""How a broken property is told.

Checks cost little where they hold: the text is made only where one does not.
"""

from __future__ import annotations


class InvariantViolation(AssertionError):  # noqa: N818 - it is no error of the caller's
    """A safety property does not hold: this program is wrong, and nothing it says may be used.

    ``name`` is the property's name; the message says what was seen.
    """

    def __init__(self, name: str, seen: str) -> None:
        """Name the property and say what was seen."""
        super().__init__(f"{name} does not hold: {seen}")
        self.name = name


def require(holds: bool, name: str, seen: str, *values: object) -> None:
    """Raise `InvariantViolation` of property *name* unless it *holds*.

    *values* fill the places in *seen*, and only then: what is right costs no text.
    """
    if not holds:
        raise InvariantViolation(name, seen.format(*values))
