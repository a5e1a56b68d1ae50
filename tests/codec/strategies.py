"""Hypothesis strategies for what servers write and say."""

from __future__ import annotations

from hypothesis import strategies as st

from huffleraft.codec.fields import NUMBER_MAX
from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Entry, Payload
from huffleraft.core.messages import (
    AppendEntriesRequest,
    AppendEntriesResponse,
    Message,
    PreVoteRequest,
    PreVoteResponse,
    RequestVoteRequest,
    RequestVoteResponse,
    TimeoutNow,
)
from huffleraft.core.types import ORIGIN, EntryId

_LETTERS = "ABCXYZabcxyz0189_.-"

numbers = st.one_of(st.integers(0, 300), st.integers(0, NUMBER_MAX))
node_ids = st.text(_LETTERS, min_size=1, max_size=64)
addresses = st.one_of(st.just("127.0.0.1:7000"), st.text(min_size=1, max_size=300))


def _changed(old: dict[str, str], new: dict[str, str], learners: dict[str, str]) -> Configuration:
    """What leads from *old* voters to *new* ones and *learners*, joint if need be."""
    listeners = {node: at for node, at in learners.items() if node not in new}
    return Configuration.of(old).entering(Configuration.of(new, listeners))


configurations: st.SearchStrategy[Configuration] = st.one_of(
    st.dictionaries(node_ids, addresses, min_size=1, max_size=7).map(Configuration.of),
    st.sets(node_ids, min_size=1, max_size=7).map(lambda ids: Configuration(tuple(sorted(ids)))),
    st.builds(
        _changed,
        st.dictionaries(node_ids, addresses, min_size=1, max_size=4),
        st.dictionaries(node_ids, addresses, min_size=1, max_size=4),
        st.dictionaries(node_ids, addresses, max_size=3),
    ),
)
payloads: st.SearchStrategy[Payload] = st.one_of(st.binary(max_size=40), st.none(), configurations)


@st.composite
def terms_up_to(draw: st.DrawFn, lowest: int, highest: int) -> tuple[int, ...]:
    """Terms that do not fall."""
    return tuple(sorted(draw(st.lists(st.integers(lowest, highest), max_size=8))))


@st.composite
def batches(draw: st.DrawFn, first_index: int, lowest: int, highest: int) -> tuple[Entry, ...]:
    """Entries from *first_index* on, as a leader of term *highest* could hold them."""
    terms = draw(terms_up_to(lowest, highest))
    return tuple(Entry(term, first_index + i, draw(payloads)) for i, term in enumerate(terms))


def ids_within(term: int) -> st.SearchStrategy[EntryId]:
    """Ids that a server of *term* can hold."""
    if term == 0:
        return st.just(ORIGIN)
    some = st.builds(EntryId, st.integers(1, term), st.integers(1, NUMBER_MAX - 10))
    return st.one_of(st.just(ORIGIN), some)


@st.composite
def _responses(draw: st.DrawFn) -> AppendEntriesResponse:
    term = draw(numbers)
    prev = draw(ids_within(term))
    success = draw(st.booleans())
    conflict = None
    if not success and prev != ORIGIN and draw(st.booleans()):
        conflict = EntryId(draw(st.integers(1, prev.term)), draw(st.integers(1, prev.index)))
    match_index = draw(numbers) if success else 0
    return AppendEntriesResponse(
        draw(node_ids), term, prev, success, match_index, conflict, draw(numbers)
    )


@st.composite
def _appends(draw: st.DrawFn) -> AppendEntriesRequest:
    term = draw(numbers)
    prev = draw(ids_within(term))
    entries = draw(batches(prev.index + 1, max(prev.term, 1), term)) if term else ()
    return AppendEntriesRequest(draw(node_ids), term, prev, entries, draw(numbers), draw(numbers))


def _pre_vote_requests(term: int) -> st.SearchStrategy[PreVoteRequest]:
    return st.builds(PreVoteRequest, node_ids, st.just(term), ids_within(term))


def _vote_requests(term: int) -> st.SearchStrategy[RequestVoteRequest]:
    return st.builds(RequestVoteRequest, node_ids, st.just(term), ids_within(term), st.booleans())


messages: st.SearchStrategy[Message] = st.one_of(
    numbers.flatmap(_pre_vote_requests),
    numbers.flatmap(_vote_requests),
    st.builds(PreVoteResponse, node_ids, numbers, st.booleans()),
    st.builds(RequestVoteResponse, node_ids, numbers, st.booleans()),
    _appends(),
    _responses(),
    st.builds(TimeoutNow, node_ids, numbers),
)
