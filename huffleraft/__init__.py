"""huffleraft: a replicated key-value store, and the reference implementation of Raft under it.

Three doors, one house. `RaftStore` embeds a replicated store in an application. The `huffleraft`
command runs one as a server, and `Client` and `SyncClient` talk to it. `huffleraft.core` is the
protocol alone, as values and functions.

The public names below are looked up at their first use (PEP 562), so that `import huffleraft.core`
loads the standard library and nothing else: the core runs wherever Python runs.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huffleraft.client import Client, OperationFailed, SyncClient
    from huffleraft.errors import HuffleraftError
    from huffleraft.raftstore import RaftStore

__version__ = "0.1.0"

__all__ = [
    "Client",
    "HuffleraftError",
    "OperationFailed",
    "RaftStore",
    "SyncClient",
    "__version__",
]

_HOMES = {
    "Client": "huffleraft.client",
    "HuffleraftError": "huffleraft.errors",
    "OperationFailed": "huffleraft.client",
    "RaftStore": "huffleraft.raftstore",
    "SyncClient": "huffleraft.client",
}


def __getattr__(name: str) -> object:
    """A public name, imported from its home and kept here from then on."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'huffleraft' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """What is public, loaded or not."""
    return sorted(set(globals()) | set(__all__))
