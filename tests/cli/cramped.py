"""`python -m tests.cli.cramped PAGES serve ...`: a node whose disk is full at PAGES pages.

The quota is SQLite's own (`max_page_count`), so what the node meets is a real full disk, and
nobody has to be root for it.
"""

import sys
from functools import partial

from huffleraft.cli import main
from huffleraft.raftstore import opening
from huffleraft.store.sqlite import open_sqlite

if __name__ == "__main__":
    pages, *args = sys.argv[1:]
    opening.open_sqlite = partial(open_sqlite, page_limit=int(pages))  # type: ignore[attr-defined]
    main(args)
