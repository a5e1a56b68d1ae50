"""A store for scripts: `with RaftStore.open(...)`, from plain threads."""

import threading
from pathlib import Path

import pytest

from huffleraft import RaftStore
from huffleraft.errors import DataDirLocked, InvalidKey, StorageFailed
from huffleraft.kv.queries import Found, Missing
from huffleraft.kv.results import CasMismatch, Changed
from huffleraft.store.memory import MemoryDisk


def test_a_script_writes_and_reads_without_an_event_loop(tmp_path: Path) -> None:
    with RaftStore.open(tmp_path) as store:
        assert store.set("a", b"1").version == 1
        assert isinstance(store.cas("a", b"1", b"2"), Changed)
        assert isinstance(store.cas("a", b"1", b"3"), CasMismatch)
        found = store.get("a")
        assert isinstance(found, Found)
        assert found.value == b"2"
        store.set("b", b"")
        assert [(one.key, one.value) for one in store.scan()] == [("a", b"2"), ("b", b"")]
        assert store.page(limit=1).next == "a"
        assert store.delete("a").existed
        assert isinstance(store.get("a", stale=True), Missing)
        assert store.status()["role"] == "leader"
        assert store.address is not None
    with RaftStore.open(tmp_path) as store:
        assert [one.key for one in store.scan(values=False)] == ["b"]


def test_two_threads_ask_at_once() -> None:
    failures: list[BaseException] = []
    with RaftStore.open(MemoryDisk(), listen=None) as store:

        def write(name: str) -> None:
            try:
                for number in range(1, 51):
                    assert store.set(name, b"").version == number
            except BaseException as error:  # noqa: BLE001  # shown below, by the test's thread
                failures.append(error)

        threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b")]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert failures == []
        assert [(one.key, one.version) for one in store.scan()] == [("a", 50), ("b", 50)]


def test_errors_are_those_of_the_house_at_the_start_and_later(tmp_path: Path) -> None:
    with RaftStore.open(tmp_path, listen=None) as store:
        with pytest.raises(InvalidKey):
            store.get("")
        with pytest.raises(DataDirLocked), RaftStore.open(tmp_path, listen=None):
            raise AssertionError
    with pytest.raises(RuntimeError, match="not running"):
        store.get("a")
    assert not [one for one in threading.enumerate() if one.name.startswith("huffleraft")]


def test_what_the_block_raises_leaves_it_unwrapped() -> None:
    with pytest.raises(ZeroDivisionError), RaftStore.open(MemoryDisk(), listen=None):
        raise ZeroDivisionError


def test_a_disk_that_fails_is_told_to_the_writer_and_at_the_end() -> None:
    disk = MemoryDisk()
    told: list[BaseException] = []

    def use() -> None:
        with RaftStore.open(disk, listen=None) as store:
            store.set("a", b"1")
            disk.failure = "it burns"
            try:
                store.set("a", b"2")
            except Exception as error:  # noqa: BLE001  # looked at below
                told.append(error)

    with pytest.raises(StorageFailed, match="it burns"):
        use()
    assert [getattr(error, "definite", None) for error in told] == [False]
