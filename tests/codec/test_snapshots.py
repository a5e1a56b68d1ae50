"""The facts of a snapshot as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huffleraft.codec.snapshots import (
    pack_configuration,
    pack_snapshot,
    unpack_configuration,
    unpack_snapshot,
)
from huffleraft.core.configuration import Configuration
from huffleraft.core.log import Snapshot
from huffleraft.errors import FrameInvalid

VOTERS = Configuration.of({"n1": "a:1", "n2": "b:2"})
SNAPSHOT = Snapshot(40, 3, VOTERS)


def test_what_is_packed_is_unpacked() -> None:
    assert unpack_snapshot(pack_snapshot(SNAPSHOT)) == SNAPSHOT
    assert unpack_configuration(pack_configuration(VOTERS)) == VOTERS


@given(st.binary(max_size=60))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(FrameInvalid):
        unpack_snapshot(data)
    with pytest.raises(FrameInvalid):
        unpack_configuration(data)


@pytest.mark.parametrize("snapshot", [Snapshot(0, 3, VOTERS), Snapshot(40, 0, VOTERS)])
def test_a_snapshot_that_includes_no_entry_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(FrameInvalid, match="includes no entry"):
        unpack_snapshot(pack_snapshot(snapshot))


def test_every_cut_is_refused() -> None:
    packed = pack_snapshot(SNAPSHOT)
    for size in range(len(packed)):
        with pytest.raises(FrameInvalid):
            unpack_snapshot(packed[:size])
