"""What `huffleraft inspect` says of a stopped node's directory."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from huffleraft.cli.output import Output, print_facts, print_json
from huffleraft.cli.trace import plain
from huffleraft.core import Configuration, Entry
from huffleraft.errors import FrameInvalid, StorageCorrupt
from huffleraft.kv.commands import decode_command
from huffleraft.notation import render_entry, render_id
from huffleraft.store.inspecting import Inspected, inspect


def show_log(data_dir: Path, output: Output, *, values: bool) -> None:
    """Show the entries of *data_dir*, which the log of a node that starts there would have."""
    for entry in inspect(data_dir).holds.entries:
        if output is Output.JSON:
            print_json(_entry(entry, values=values))
        else:
            print(" ".join([render_entry(entry), *([_command(entry)] if values else [])]).rstrip())


def _entry(entry: Entry, *, values: bool) -> dict[str, object]:
    kinds = {bytes: "command", Configuration: "configuration", type(None): "no-op"}
    kind = kinds[type(entry.payload)]
    told: dict[str, object] = {"index": entry.index, "term": entry.term, "kind": kind}
    told["bytes"] = entry.size
    if isinstance(entry.payload, Configuration):
        told["configuration"] = _without_type(entry.payload)
    if values and isinstance(entry.payload, bytes):
        told["command"] = _fields(entry.payload)
    return told


def _command(entry: Entry) -> str:
    """The command in words, its key and value as Python would write them."""
    if not isinstance(entry.payload, bytes):
        return ""
    return " ".join(f"{name}={value!r}" for name, value in _fields(entry.payload).items())


def _fields(payload: bytes) -> dict[str, object]:
    try:
        command = decode_command(payload)
    except FrameInvalid:  # not of the key-value machine; the store knows only bytes
        return {"raw": payload}
    told = {name: getattr(command, name) for name in command.__struct_fields__}
    return {"do": type(command).__name__.lower(), **told}


def show_state(data_dir: Path, output: Output) -> None:
    """Show all that *data_dir* holds but the entries and the values."""
    found = inspect(data_dir)
    if output is Output.JSON:
        print_json(_facts(found))
    else:
        print_facts(_flat(_facts(found)))


def _facts(found: Inspected) -> dict[str, object]:
    """Everything, whatever a store of this version keeps."""
    holds = found.holds
    told = {
        one.name: _without_type(getattr(holds, one.name))
        for one in fields(holds)
        if one.name != "entries"
    }
    told["entries"] = len(holds.entries)
    told["last_id"] = _without_type(holds.entries[-1].id if holds.entries else holds.base)
    told |= {"keys": found.keys, "sessions": found.sessions, "state_hash": found.state_hash.hex()}
    return told | {"files": found.files}


def _without_type(value: object) -> object:
    told = plain(value)
    return {k: v for k, v in told.items() if k != "type"} if isinstance(told, dict) else told


def _flat(facts: dict[str, object], before: str = "") -> dict[str, object]:
    """One level: a record's parts are named behind its name."""
    flat: dict[str, object] = {}
    for name, fact in facts.items():
        if isinstance(fact, dict):
            flat |= _flat(fact, f"{before}{name} ")
        else:
            flat[before + name] = fact
    return flat


def verify(data_dir: Path, output: Output) -> None:
    """Check *data_dir*.  Raises StorageCorrupt, which names file and place, after JSON is told."""
    try:
        found = inspect(data_dir)
    except StorageCorrupt as damage:
        if output is Output.JSON:
            wrong = {"file": damage.file, "where": damage.where, "what": damage.what}
            print_json({"sound": False, **wrong})
        raise
    holds, scan = found.holds, found.write_ahead_log
    last = holds.entries[-1].id if holds.entries else holds.base
    if output is Output.JSON:
        print_json({"sound": True, **_facts(found)})
        return
    print_facts(
        {
            "identity": f"{holds.node_id} of cluster {holds.cluster_id}, boot {holds.boot}",
            "write-ahead log": f"{scan.good} of {scan.frames} frames count, {scan.torn} torn",
            "log": f"{len(holds.entries)} entries after {render_id(holds.base)}, "
            f"the last {render_id(last)}",
            "rows": f"{found.keys} keys and {found.sessions} sessions, "
            f"applied up to {holds.last_applied}",
            "verdict": "sound",
        }
    )
