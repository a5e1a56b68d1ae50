"""`RaftStore`: one node of a replicated key-value store, embedded in a program.

Here everything below is put together: the store on the disk, the state machine over it, the
node that drives the core, the links to its peers, and the one port that they share with HTTP.
"""

from huffleraft.raftstore.store import RaftStore
from huffleraft.raftstore.sync import SyncRaftStore

__all__ = ["RaftStore", "SyncRaftStore"]
