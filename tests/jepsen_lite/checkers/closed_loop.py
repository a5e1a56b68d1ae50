"""Long histories of a register that is truly linearizable, with clients that are always busy."""

from dataclasses import dataclass
from random import Random

from jepsen_lite.checkers.calls import Call
from jepsen_lite.models import Action, Cas, Delete, Mismatch, Read, Write
from jepsen_lite.values import Observed, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What the clients do: *kinds* is drawn from; every value is written once."""

    calls: int
    clients: int
    kinds: str = "rw"
    indefinite: float = 0.0


def closed_loop(load: Load, seed: int) -> list[Call]:
    """A linearizable history: each call takes effect at one moment between its two events."""
    dice = Random(seed)
    state: Value = None
    written: list[Value] = [None]
    calls: list[Call] = []
    asked: list[int] = []
    done: list[int] = []
    now = 0
    while len(calls) < load.calls or asked or done:
        now += 1
        if len(calls) < load.calls and len(asked) + len(done) < load.clients:
            asked.append(len(calls))
            calls.append(Call(Read(None), now, None))
        elif asked and (not done or dice.random() < 0.5):
            at = asked.pop(dice.randrange(len(asked)))
            action = _act(dice, dice.choice(load.kinds), state, written)
            state = _after(state, action)
            if state != written[-1]:
                written.append(state)
            calls[at] = Call(action, calls[at].invoked, None)
            if isinstance(action, Read | Mismatch) or dice.random() >= load.indefinite:
                done.append(at)
        else:
            at = done.pop(dice.randrange(len(done)))
            calls[at] = Call(calls[at].action, calls[at].invoked, now)
    return calls


def with_stale_read(calls: list[Call], *, place: float = 0.9, lag: int = 200) -> list[Call]:
    """*calls*, with the first read after *place* of them seeing what was overwritten before it."""
    at = next(
        at
        for at, call in enumerate(calls)
        if at > place * len(calls) and isinstance(call.action, Read)
    )
    reader = calls[at]
    stale = [
        call.action.value
        for call in calls
        if isinstance(call.action, Write)
        and call.returned is not None
        and call.returned < reader.invoked - lag
    ][-1]
    return [*calls[:at], Call(Read(stale), reader.invoked, reader.returned), *calls[at + 1 :]]


def _act(dice: Random, kind: str, state: Value, written: list[Value]) -> Action:
    fresh = len(written)
    match kind:
        case "r":
            return Read(state)
        case "w":
            return Write(fresh)
        case "d":
            return Delete()
        case _:
            old = dice.choice([state, state, written[-1], dice.choice(written[-5:])])
            return Cas(old, fresh) if old == state else Mismatch(old, Observed(state))


def _after(state: Value, action: Action) -> Value:
    match action:
        case Write(value) | Cas(new=value):
            return value
        case Delete():
            return None
        case _:
            return state
