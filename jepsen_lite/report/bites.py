"""How a fault bit, in words."""

from __future__ import annotations

from collections.abc import Iterator

from jepsen_lite.nemeses import Bite


def bite_words(bite: Bite) -> str:
    """How a fault bit, in one line; that it did not, if nothing was measured."""
    told = []
    if bite.bytes_held is not None:
        told.append(f"{bite.bytes_held:,} bytes were held")
    if bite.bytes_delayed is not None:
        told.append(f"{bite.bytes_delayed:,} bytes came late")
    if bite.gone:
        told += (f"{node} {_end(status)}" for node, status in bite.gone.items())
    if bite.stood_still:
        told.append(f"{', '.join(bite.stood_still)} stood still")
    if bite.new_leader is not None:
        told.append(
            f"{bite.new_leader} led in term {bite.new_term}, after {bite.old_term}, "
            f"{bite.after_ms} ms later"
        )
    told += _moves(bite)
    return "; ".join(told) or "it did not"


def _moves(bite: Bite) -> Iterator[str]:
    """What a fault did to the members, or to what a node lacks."""
    if bite.behind:
        yield f"{', '.join(bite.behind)} lacked what the leader's log no longer had"
    if bite.removed is not None:
        while_cut = f" while {', '.join(bite.meanwhile)} was on" if bite.meanwhile else ""
        yield f"{bite.removed} was removed{while_cut}"
    if bite.joined is not None:
        yield f"{bite.joined} became a voter"
    if bite.voters:
        yield f"then {', '.join(bite.voters)} voted"


def _end(status: int) -> str:
    return "killed" if status < 0 else f"ended with exit status {status}"
