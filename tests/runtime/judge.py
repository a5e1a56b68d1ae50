"""What a node makes of the frames of one connection, said by its own code."""

from __future__ import annotations

from huffleraft.errors import FrameInvalid
from huffleraft.ports import PeerMessage, SnapshotOffer
from huffleraft.runtime.frames import MAGIC, FrameReader, decode_peer_message
from huffleraft.runtime.handshake import Hello, decode_hello
from tests.runtime.hostile import STALE


class Judge:
    """Hears one connection, whose hello named *caller*."""

    def __init__(self, caller: str) -> None:
        self._caller = caller
        self._reader = FrameReader()

    def hear(self, sent: bytes) -> tuple[list[PeerMessage], str | None]:
        """The messages that came whole, and why the connection is closed, if it is."""
        messages: list[PeerMessage] = []
        try:
            for body in self._reader.feed(sent):
                message = decode_peer_message(body)
                source = _source(message)
                if source not in (None, self._caller):
                    return messages, "it names another as its source"
                messages.append(message)
        except FrameInvalid as error:
            return messages, _in_short(error.why)
        return messages, None

    @property
    def waiting(self) -> bool:
        """Whether the node waits for the rest of a frame."""
        return self._reader.partial


def is_news(message: PeerMessage) -> bool:
    """Whether a member that says so is believed, and the cluster moved by it."""
    if isinstance(message, SnapshotOffer):
        return message.install.term > STALE
    return getattr(message, "source", None) is not None and message.term > STALE  # type: ignore[union-attr]  # what names a source has a term


def is_believed(sent: bytes, hello: Hello) -> bool:
    """Whether who opens with *sent* is taken for the member of *hello* in a later boot."""
    reader = FrameReader()
    try:
        bodies = reader.feed(sent[len(MAGIC) :]) if sent.startswith(MAGIC) else []
        said = decode_hello(bodies[0]) if bodies else None
    except FrameInvalid:
        return False
    return said is not None and said.cluster_id == hello.cluster_id and said.boot > hello.boot


def _source(message: PeerMessage) -> str | None:
    if isinstance(message, SnapshotOffer):
        return message.install.source
    return getattr(message, "source", None)


def _in_short(why: str) -> str:
    known = (
        "announces",
        "is no message of the protocol",
        "a forwarded operation cannot be read",
        "a frame of a snapshot cannot be read",
    )
    return next((words for words in known if words in why), "what no node can say")
