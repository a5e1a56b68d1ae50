"""What the `kv` commands do: one operation of the client, and its end as a script sees it."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import msgspec
import typer

from huffleraft.cli.failing import advised, end
from huffleraft.client import Listed, Mismatch, OperationFailed, Patience, SyncClient
from huffleraft.errors import InvalidKey, ValueTooLarge
from huffleraft.kv.limits import VALUE_BYTES_MAX

_PAGE_KEYS: Final = 1_000
_SHOWN_CHARACTERS: Final = 60


def get(endpoints: str, timeout: float, key: str, *, stale: bool) -> None:
    """Write the value of *key* to standard output."""
    with _client(endpoints, timeout) as client:
        value = client.get(key, stale=stale).value
    if value is None:
        end(1, f"there is no key {key!r}; `huffleraft kv list` shows those that are")
    sys.stdout.buffer.write(value)


def put(endpoints: str, timeout: float, key: str, value: str) -> None:
    """Give *key* the value *value*."""
    with _client(endpoints, timeout) as client:
        client.set(key, _value(value))


def delete(endpoints: str, timeout: float, key: str) -> None:
    """Remove *key*."""
    with _client(endpoints, timeout) as client:
        client.delete(key)


def cas(endpoints: str, timeout: float, key: str, old: str | None, value: str) -> None:
    """Give *key* the value *value* if it has *old*, or if that is None, is missing."""
    with _client(endpoints, timeout) as client:
        outcome = client.cas(key, None if old is None else os.fsencode(old), _value(value))
    if isinstance(outcome, Mismatch):
        found = "it is missing" if outcome.current is None else "it has another value"
        end(1, f"{key!r} is not as named, {found}; nothing was changed: get it, and decide anew")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which keys to list, and what of them."""

    prefix: str
    after: str
    limit: int | None
    values: bool
    stale: bool


def list_keys(endpoints: str, timeout: float, wanted: Wanted, *, as_json: bool) -> None:
    """Write the keys *wanted* to standard output as they come."""
    with _client(endpoints, timeout) as client:
        lines = _json(_listed(client, wanted)) if as_json else _table(client, wanted)
        for line in lines:
            sys.stdout.write(line)


def _listed(client: SyncClient, wanted: Wanted) -> Iterator[Listed]:
    left = math.inf if wanted.limit is None else wanted.limit
    after: str | None = wanted.after
    while after is not None and left > 0:
        page = client.page(
            wanted.prefix,
            after,
            limit=int(min(left, _PAGE_KEYS)),
            values=wanted.values,
            stale=wanted.stale,
        )
        yield from page.keys
        left -= len(page.keys)
        after = page.next


def _json(listed: Iterator[Listed]) -> Iterator[str]:
    """An array, one key a line."""
    lead = "[\n"
    for one in listed:
        told: dict[str, object] = {"key": one.key, "version": one.version, "index": one.index}
        if one.value is not None:
            told["value"] = one.value  # msgspec writes bytes in base64
        yield lead + msgspec.json.encode(told).decode()
        lead = ",\n"
    yield "[]\n" if lead == "[\n" else "\n]\n"


def _table(client: SyncClient, wanted: Wanted) -> Iterator[str]:
    """The key stands last, or before its value: how long keys are is not known beforehand."""
    yield f"{'VERSION':>10}  {'INDEX':>12}  KEY" + ("  VALUE\n" if wanted.values else "\n")
    for one in _listed(client, wanted):
        value = "" if one.value is None else "  " + _shown(one.value)
        yield f"{one.version:>10}  {one.index:>12}  {_printable(one.key)}{value}\n"


def _shown(value: bytes) -> str:
    """The beginning of *value*, as text."""
    text = value[: 4 * _SHOWN_CHARACTERS].decode(errors="backslashreplace")
    if len(text) <= _SHOWN_CHARACTERS:
        return _printable(text)
    return _printable(text[: _SHOWN_CHARACTERS - 3]) + "..."


def _printable(text: str) -> str:
    """*text* with everything escaped that a terminal would obey, or break the line at."""
    return text if text.isprintable() else repr(text)[1:-1]


def _value(told: str) -> bytes:
    """The value that an argument names: itself, or standard input."""
    if told != "-":
        return os.fsencode(told)
    value = sys.stdin.buffer.read(VALUE_BYTES_MAX + 1)
    if len(value) > VALUE_BYTES_MAX:
        raise typer.BadParameter(
            f"standard input has more than {VALUE_BYTES_MAX} bytes, which is the most of a value; "
            "store it in parts under several keys"
        )
    return value


@contextmanager
def _client(endpoints: str, timeout: float) -> Iterator[SyncClient]:
    """A client for one command; whatever fails ends the process as `exits` says."""
    if not 0 < timeout < math.inf:
        raise typer.BadParameter(f"the timeout is {timeout:g}; give seconds above 0")
    try:
        client = SyncClient(endpoints, patience=Patience(total=timeout))
    except ValueError as error:
        raise typer.BadParameter(f"--endpoints: {error}") from None
    try:
        with client:
            yield client
    except (InvalidKey, ValueTooLarge) as error:
        raise typer.BadParameter(str(error)) from None
    except OperationFailed as failed:
        in_doubt = "get the key before you write again"
        end(3 if failed.definite else 4, advised(failed, endpoints, in_doubt=in_doubt))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
