"""What the object under test may do, one operation at a time.

A model is sequential: it says which value an object holds after an action, or that the action was
not possible. Linearizability (Herlihy and Wing 1990) then asks whether the clients' overlapping
operations can be put in one order that the model allows and that real time allows.

All three models are a register that starts null; they differ in what they know. `kv` is one such
register a key, and because linearizability is local, each key can be judged alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias, assert_never

from jepsen_lite.values import Observed, Value

INITIAL: Final[Value] = None
"""Every register starts null."""


@dataclass(frozen=True, slots=True)
class Read:
    """Saw *value*."""

    value: Value


@dataclass(frozen=True, slots=True)
class Write:
    """Set *value*, whatever was there."""

    value: int | str


@dataclass(frozen=True, slots=True)
class Delete:
    """Set null, whatever was there; deleting nothing succeeds as well."""


@dataclass(frozen=True, slots=True)
class Cas:
    """Saw *old* and set *new* in one step. *old* may be null (create) and may equal *new*."""

    old: Value
    new: int | str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A compare-and-set that saw a value other than *old*: exactly *observed*, if that is given."""

    old: Value
    observed: Observed | None = None


Action: TypeAlias = Read | Write | Delete | Cas | Mismatch


class Illegal(Exception):  # noqa: N818  # not a fault of the program: the model's "no"
    """This action was not possible in this state."""


def step(state: Value, action: Action) -> Value:
    """The value held after *action* took effect in *state*; raises `Illegal` if it could not."""
    match action:
        case Read(value):
            possible, after = state == value, state
        case Write(value):
            possible, after = True, value
        case Delete():
            possible, after = True, None
        case Cas(old, new):
            possible, after = state == old, new
        case Mismatch(old, observed):
            possible, after = state != old and observed in (None, Observed(state)), state
        case _:
            assert_never(action)
    if not possible:
        raise Illegal
    return after


@dataclass(frozen=True, slots=True)
class Model:
    """Which operations (`f`) an object knows, and whether each of them names a key."""

    name: str
    functions: frozenset[str]
    keyed: bool


REGISTER: Final = Model("register", frozenset({"read", "write"}), keyed=False)
CAS_REGISTER: Final = Model("cas-register", frozenset({"read", "write", "cas"}), keyed=False)
KV: Final = Model("kv", frozenset({"read", "write", "cas", "delete"}), keyed=True)

MODELS: Final[Mapping[str, Model]] = MappingProxyType(
    {model.name: model for model in (REGISTER, CAS_REGISTER, KV)}
)
