"""What is each face's own, and what a client is before it asks anybody."""

import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest
from anyio.from_thread import start_blocking_portal

import huffleraft
from huffleraft.client import Attempt, Client, OperationFailed, SyncClient
from huffleraft.client.contacts import REQUEST_SECONDS_MAX, endpoints_of
from huffleraft.client.requests import PAGE_KEYS, PAGE_KEYS_MAX
from huffleraft.errors import HuffleraftError
from huffleraft.http.options import TIMEOUT_MAX
from huffleraft.kv import queries
from tests.http.doors import OpenDoor, open_door


@contextmanager
def door() -> Iterator[OpenDoor]:
    """A node that serves beside this thread."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_door()) as opened,
    ):
        yield opened


def test_both_faces_have_the_same_operations() -> None:
    def operations(face: type) -> set[str]:
        return {name for name in vars(face) if not name.startswith("_")} - {"aclose", "close"}

    assert operations(Client) == operations(SyncClient)
    assert huffleraft.Client is Client
    assert huffleraft.SyncClient is SyncClient


@pytest.mark.parametrize("face", [Client, SyncClient])
@pytest.mark.parametrize("told", [[], "", "  ", [""]])
def test_a_client_needs_somebody_to_ask(
    face: type[Client | SyncClient], told: list[str] | str
) -> None:
    with pytest.raises(ValueError, match="at least one endpoint"):
        face(told)


@pytest.mark.parametrize("told", ["n1", "http://n1:7201", ":7201", "n1:x", "n1:1,,n2:2"])
def test_what_is_no_endpoint_is_refused_in_a_sentence(told: str) -> None:
    with pytest.raises(ValueError, match="is no endpoint; give HOST:PORT"):
        endpoints_of(told)


def test_endpoints_may_stand_in_one_text() -> None:
    assert endpoints_of("n1:7201, [::1]:7202") == ("n1:7201", "[::1]:7202")


def test_a_client_asks_for_no_more_than_a_node_gives() -> None:
    assert REQUEST_SECONDS_MAX == TIMEOUT_MAX
    assert (PAGE_KEYS, PAGE_KEYS_MAX) == (queries.PAGE_KEYS, queries.PAGE_KEYS_MAX)


def test_a_failure_is_an_error_of_the_house_and_survives_pickling() -> None:
    attempts = (Attempt(endpoint="n1:1", code="no-leader", definite=True),)
    error = OperationFailed("set 'a'", attempts, False)
    assert isinstance(error, HuffleraftError)
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.definite, again.attempts) == ("no-leader", False, attempts)
    assert str(again) == str(error)


def test_threads_that_share_a_client_share_no_session() -> None:
    """Each writes once more than any other would let it, if a number were used twice."""
    failures: list[BaseException] = []
    with door() as opened, SyncClient(opened.address) as client:

        def write(name: str) -> None:
            try:
                for number in range(1, 11):
                    assert client.set(name, b"").version == number
            except BaseException as error:  # noqa: BLE001  # shown below, by the test's thread
                failures.append(error)

        threads = [threading.Thread(target=write, args=(f"k{n}",)) for n in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert failures == []
        assert 1 <= len(client.sessions) <= 8
        assert len(set(client.sessions)) == len(client.sessions)


@pytest.mark.anyio
async def test_a_cancelled_write_gives_its_session_back_for_the_next_number() -> None:
    async with open_door() as opened, Client(opened.address) as client:
        session = await client.register()
        opened.store.hang = anyio.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.set, "a", b"1")
            while client.sessions:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()
        assert client.sessions == (session,)
        opened.store.hang.set()
        opened.store.hang = None
        assert (await client.set("b", b"2")).version == 1


def test_what_is_closed_asks_nobody() -> None:
    with SyncClient("127.0.0.1:1") as client:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        client.get("a")
