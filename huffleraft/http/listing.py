"""A page of keys as JSON: `GET /v1/kv?prefix=&after=&limit=&values=true`.

    {"index": 42, "next": "b", "keys": [{"key": "a", "version": 1, "index": 7}, ...]}

Keys stand in the order of their UTF-8, and are all of the state at `index`, linearizably unless
`consistency=stale`.  With `values=true` each has its `value` in base64.  `next` is what to give as
`after` for the page that follows, and null where none does; a page may hold fewer keys than the
`limit`, even none, while there is one.
"""

from __future__ import annotations

from typing import Final

import msgspec

from huffleraft.kv.queries import Listed, Page

PAGE_OPTIONS: Final = frozenset(
    {"after", "consistency", "leader", "limit", "prefix", "timeout", "values"}
)


def page_document(page: Page) -> bytes:
    """*page* as JSON, and a newline for people at a terminal."""
    document = {
        "index": page.applied_index,
        "next": page.next,
        "keys": [_listed(one) for one in page.keys],
    }
    return msgspec.json.encode(document) + b"\n"


def _listed(one: Listed) -> dict[str, object]:
    told: dict[str, object] = {"key": one.key, "version": one.version, "index": one.index}
    if one.value is not None:
        told["value"] = one.value  # msgspec writes bytes in base64
    return told
