"""The parts that the pages of `huffleraft.http.openapi` share: parameters, headers, schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from huffleraft.http.options import TIMEOUT_MAX
from huffleraft.kv.limits import INTEGER_MAX, KEY_BYTES_MAX
from huffleraft.kv.queries import PAGE_KEYS, PAGE_KEYS_MAX
from huffleraft.naming import ADDRESS_BYTES_MAX, NODE_ID

Json: TypeAlias = dict[str, Any]


def query(name: str, schema: Json, description: str) -> Json:
    """An option of the query string."""
    return {"name": name, "in": "query", "schema": schema, "description": description}


KEY: Final[Json] = {
    "name": "key",
    "in": "path",
    "required": True,
    "description": f"All that follows, percent-decoded once: 1 to {KEY_BYTES_MAX} bytes of UTF-8, "
    "slashes among them.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_BYTES_MAX},
}

_NODE_ID: Final[Json] = {"type": "string", "pattern": f"^{NODE_ID}$"}

MEMBER: Final[Json] = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The member's name.",
    "schema": _NODE_ID,
}

TIMEOUT: Final[Json] = query(
    "timeout",
    {"type": "number", "exclusiveMinimum": 0, "maximum": TIMEOUT_MAX},
    "Seconds that the node may take; its own setting if there is none.",
)

CONSISTENCY: Final[Json] = query(
    "consistency",
    {"type": "string", "enum": ["linearizable", "stale"], "default": "linearizable"},
    "`stale` answers at once with what this node has applied.",
)

LEADER: Final[Json] = query(
    "leader",
    {"type": "string", "enum": ["redirect", "forward"], "default": "redirect"},
    "Whether a node that does not lead says who does, or hands the request to it and answers.",
)

_PART_OF_KEY: Final[Json] = {"type": "string", "maxLength": KEY_BYTES_MAX, "default": ""}

PAGE: Final = (
    query("prefix", _PART_OF_KEY, "Only keys that begin so."),
    query("after", _PART_OF_KEY, "Only keys above this one; the `next` of the page before."),
    query(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": PAGE_KEYS_MAX, "default": PAGE_KEYS},
        "Keys in a page at most.",
    ),
    query("values", {"type": "boolean", "default": False}, "With the value of each key."),
)

_WHOLE: Final[Json] = {"type": "integer", "minimum": 0, "maximum": INTEGER_MAX}
_POSITIVE: Final[Json] = {"type": "integer", "minimum": 1, "maximum": INTEGER_MAX}

STAMP: Final[tuple[Json, ...]] = tuple(
    {"name": name, "in": "header", "schema": _POSITIVE, "description": description}
    for name, description in (
        ("Huffleraft-Session", "The session that asks; only together with its sequence."),
        ("Huffleraft-Sequence", "The how-manieth of its writes this is, from 1 on."),
    )
)

PLACE: Final = ("Huffleraft-Node", "Huffleraft-Term", "Huffleraft-Index")
CHANGE: Final = ("ETag", "Huffleraft-Version")

HEADERS: Final[Json] = {
    "Huffleraft-Node": {"schema": {"type": "string"}, "required": True, "description": "Who says."},
    "Huffleraft-Term": {"schema": _WHOLE, "required": True, "description": "In which term."},
    "Huffleraft-Index": {
        "schema": _WHOLE,
        "required": True,
        "description": "A write's own entry, the state that a read saw, or how far it has applied.",
    },
    "ETag": {
        "schema": {"type": "string", "pattern": '^"[0-9]+"$'},
        "required": True,
        "description": "The index of the key's last change.",
    },
    "Huffleraft-Version": {
        "schema": _POSITIVE,
        "required": True,
        "description": "The number of changes since the key was made.",
    },
    "Location": {
        "schema": {"type": "string"},
        "required": True,
        "description": "The same request's address at the leader.",
    },
    "Retry-After": {
        "schema": _WHOLE,
        "required": True,
        "description": "Seconds; `retry_after_ms` in the body is finer.",
    },
}


def _object(required: Mapping[str, Json], **more: Any) -> Json:
    return {"type": "object", "properties": dict(required), "required": list(required), **more}


_BASE64: Final[Json] = {"type": "string", "contentEncoding": "base64"}
_TEXT: Final[Json] = {"type": "string"}
_FLAG: Final[Json] = {"type": "boolean"}

_NAMES: Final[Json] = {"type": "array", "items": _TEXT}

_STANDING: Final[Json] = {
    "enum": ["voter", "learner", "leaving"],
    "description": "Who is `leaving` votes until the joint configuration is left.",
}
_MEMBER: Final[Json] = _object({"id": _TEXT, "address": _TEXT, "standing": _STANDING})

_LISTED: Final[Json] = _object({"key": _TEXT, "version": _POSITIVE, "index": _POSITIVE})
_LISTED["properties"]["value"] = _BASE64  # with `values=true`

SCHEMAS: Final[Json] = {
    "Change": _object({"index": _POSITIVE, "version": _POSITIVE}),
    "Session": _object({"session": _POSITIVE}),
    "Page": _object(
        {
            "index": _WHOLE,
            "next": {"type": ["string", "null"]},
            "keys": {"type": "array", "items": _LISTED},
        },
        description="All of the state at `index`. `next` is null after the last key.",
    ),
    "Cas": _object(
        {"old": {**_BASE64, "type": ["string", "null"]}, "new": _BASE64},
        additionalProperties=False,
    ),
    "Members": _object(
        {
            "cluster_id": _TEXT,
            "leader": {"type": ["string", "null"]},
            "index": _WHOLE,
            "joint": _FLAG,
            "members": {"type": "array", "items": _MEMBER},
        },
        description="The configuration in force, whose entry is at `index`; `joint` while the "
        "voters change.",
    ),
    "Join": {
        "type": "object",
        "properties": {
            "address": {**_TEXT, "maxLength": ADDRESS_BYTES_MAX, "description": "HOST:PORT"},
            "id": {**_NODE_ID, "type": ["string", "null"]},
            "learner": {"type": "boolean", "default": False},
        },
        "required": ["address"],
        "additionalProperties": False,
    },
    "Joined": {
        **_object({**_MEMBER["properties"], "index": _WHOLE}),
        "description": "`retry_after_ms` stands there while there is more to do.",
    },
    "Left": _object({"id": _TEXT, "index": _WHOLE}),
    "Transfer": {
        "type": "object",
        "properties": {
            "to": {
                **_NODE_ID,
                "type": ["string", "null"],
                "description": "Whichever voter is best able to, if none is named.",
            }
        },
        "additionalProperties": False,
    },
    "Leads": _object({"leader": _TEXT, "term": _WHOLE}),
    "Problem": _object(
        {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer", "minimum": 300, "maximum": 599},
            "code": {"type": "string", "pattern": "^[a-z-]+$"},
            "definite": _FLAG,
            "detail": _TEXT,
        },
        description="RFC 9457. `code` names the fact for ever; `definite` true says that this "
        "request had, and will have, no effect.",
    ),
    "Status": _object(
        {
            "id": _TEXT,
            "cluster_id": _TEXT,
            "boot": _POSITIVE,
            "address": {"type": ["string", "null"]},
            "version": _TEXT,
            "role": {"enum": ["follower", "pre-candidate", "candidate", "leader"]},
            "term": _WHOLE,
            "leader": {"type": ["string", "null"]},
            "commit_index": _WHOLE,
            "last_applied": _WHOLE,
            "first_index": _WHOLE,
            "last_index": _WHOLE,
            "configuration": _object(
                {
                    "voters": _NAMES,
                    "old_voters": {
                        **_NAMES,
                        "description": "None but in a joint configuration, where a majority of "
                        "them is needed too.",
                    },
                    "learners": _NAMES,
                    "addresses": {"type": "object", "additionalProperties": _TEXT},
                }
            ),
            "snapshot": {"type": ["object", "null"]},
            "ready": _FLAG,
        }
    ),
}
