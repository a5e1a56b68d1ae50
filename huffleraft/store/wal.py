"""A look at SQLite's write-ahead log before SQLite sees it.

SQLite reads a write-ahead log up to the first frame whose checksum does not match and drops the
rest, in silence: for SQLite a bad frame is the torn end of a write that the power cut short.
But in the middle of the log it is a damaged disk, and what is dropped is what this node has
acknowledged: one flipped bit can roll back half of the log, and the vote with it.  So the frames
are scanned first, and damage is refused by name.

What tells damage from a torn write: with `synchronous=FULL` every transaction is synced before
the next begins, so only the *last* transaction can be torn.  Hence these are damage:

- a good frame of this generation after the end of the transaction that the bad frame is in;
- a bad frame that one flipped bit makes good, wherever it is: torn writes do not look like that;
- a frame that is good but for its salts, which no torn write leaves behind;
- a header that is not one, before anything that is not zero.

What this cannot see: a log that was removed or cut at a frame's end (`Scan.frames` lets the
opener judge the first), and a last transaction damaged in more than one bit, which looks torn.

The format is SQLite's, https://www.sqlite.org/fileformat2.html#the_write_ahead_log: a header of
32 bytes, then frames of 24 bytes and a page each.  A frame's checksum continues the one before,
so from the checksum that a frame *stores* the next can be judged even if the frame itself is bad.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from huffleraft.errors import StorageCorrupt

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_MAGIC = 0x377F0682
_FORMAT = 3007000
_WORD = 0xFFFFFFFF

Checksum: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scan:
    """What a write-ahead log holds.  Counts of frames."""

    frames: int
    """Room for frames; 0 if there is no log, or one that was never written to."""
    good: int
    """Frames at the beginning that SQLite will accept."""
    torn: int
    """Frames after them that belong to this generation: a transaction cut short."""


@dataclass(frozen=True, slots=True)
class _Log:
    """The log's header."""

    words: str
    """How its checksums read words: `<` or `>`."""
    page_size: int
    salts: tuple[int, int]
    checksum: Checksum


@dataclass(frozen=True, slots=True)
class _Frame:
    """One frame, and how it follows the one before."""

    commits: bool
    """It says it ends a transaction."""
    ours: bool
    """It bears this generation's salts."""
    stored: Checksum
    computed: Checksum

    @property
    def whole(self) -> bool:
        return self.stored == self.computed


def scan(path: Path) -> Scan:
    """Scan the log at *path*; raises StorageCorrupt, naming the frame, if it is damaged."""
    try:
        with path.open("rb") as file:
            log = _header(path, file)
            if log is None:
                return Scan(0, 0, 0)
            return _scan_frames(path, log, file)
    except FileNotFoundError:
        return Scan(0, 0, 0)


def _header(path: Path, file: BinaryIO) -> _Log | None:
    """The log's header; None if nothing was ever written to the log."""
    raw = file.read(_HEADER.size)
    if len(raw) < _HEADER.size:
        return None
    magic, version, page_size, _, salt1, salt2, *stored = _HEADER.unpack(raw)
    words = ">" if magic & 1 else "<"
    sound = (
        magic & ~1 == _MAGIC
        and version == _FORMAT
        and 512 <= page_size <= 65536
        and page_size & (page_size - 1) == 0
        and _checksum(words, raw[:24], (0, 0)) == tuple(stored)
    )
    if sound:
        return _Log(words, page_size, (salt1, salt2), (stored[0], stored[1]))
    # The header is synced before the first frame: nothing of use can follow a torn one.
    if not any(raw) and not any(any(part) for part in iter(lambda: file.read(1 << 20), b"")):
        return None
    raise StorageCorrupt(path.name, "its header", "SQLite would take the whole log for empty")


def _scan_frames(path: Path, log: _Log, file: BinaryIO) -> Scan:
    good = 0
    bad: int | None = None
    torn = count = 0
    ended = False  # the transaction that the first bad frame is in has ended before this frame
    for number, frame in enumerate(_frames(log, file), 1):
        count = number
        if bad is None:
            if frame.ours and frame.whole:
                good = number
                continue
            bad = number
        torn += frame.ours
        if ended and frame.ours and frame.whole:
            raise _damaged(path, bad, f"frame {number} after it is good")
        if frame.whole and not frame.ours and number == bad:
            raise _damaged(path, bad, "its salts do not match its generation")
        if frame.ours and not frame.whole and _one_bit_off(frame, log.page_size):
            raise _damaged(path, number, "one bit of it has flipped")
        ended = ended or (frame.ours and frame.commits)
    return Scan(count, good, torn)


def _damaged(path: Path, frame: int, what: str) -> StorageCorrupt:
    return StorageCorrupt(
        path.name, f"frame {frame}", f"{what}, and SQLite would drop all that was written since"
    )


def _frames(log: _Log, file: BinaryIO) -> Iterator[_Frame]:
    """All whole frames, each judged by the checksum that the one before it stores."""
    seed = log.checksum
    while len(raw := file.read(_FRAME.size + log.page_size)) == _FRAME.size + log.page_size:
        _, commit, salt1, salt2, *stored = _FRAME.unpack_from(raw)
        ours = (salt1, salt2) == log.salts
        computed = _checksum(log.words, raw[:8] + raw[_FRAME.size :], seed)
        seed = (stored[0], stored[1])
        yield _Frame(commit != 0, ours, seed, computed)


def _checksum(words: str, raw: bytes, seed: Checksum) -> Checksum:
    """SQLite's checksum: two interleaved running sums over pairs of words."""
    s0, s1 = seed
    pairs = iter(struct.unpack(f"{words}{len(raw) // 4}I", raw))
    for first, second in zip(pairs, pairs, strict=True):
        s0 = (s0 + first + s1) & _WORD
        s1 = (s1 + second + s0) & _WORD
    return s0, s1


def _one_bit_off(frame: _Frame, page_size: int) -> bool:
    """Whether the frame would be whole, were a single bit of it, or of its checksum, another.

    The checksum is linear, so a bit that flips in a word changes it by plus or minus a power of
    two times the word's weight.  The weights are found from the last pair of words backwards.
    """
    off0 = (frame.stored[0] - frame.computed[0]) & _WORD
    off1 = (frame.stored[1] - frame.computed[1]) & _WORD
    if (frame.stored[0] ^ frame.computed[0]).bit_count() + (
        frame.stored[1] ^ frame.computed[1]
    ).bit_count() == 1:
        return True
    weights = [(1, 1), (0, 1)]  # of the first and the second word of the last pair
    for _ in range((page_size + 8) // 8):
        for w0, w1 in weights:
            for bit in range(32):
                change0, change1 = (w0 << bit) & _WORD, (w1 << bit) & _WORD
                if (off0 == change0 and off1 == change1) or (
                    (off0 + change0) & _WORD == 0 and (off1 + change1) & _WORD == 0
                ):
                    return True
        weights = [((w0 + w1) & _WORD, (w0 + 2 * w1) & _WORD) for w0, w1 in weights]
    return False
