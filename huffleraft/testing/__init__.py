"""A conformance kit: checks for a storage, a state machine or a network of your own.

Each check draws examples with Hypothesis (`pip install huffleraft[testing]`), runs them on anyio,
and raises `NotConforming` with the shortest example that shows what was promised and not kept.
Call it from any test, of whatever test runner, outside a running event loop:

    from huffleraft.testing import check_storage

    def test_my_storage():
        check_storage(MyDisk)  # something new to open, again and again

The ports say what is promised (`huffleraft.ports`); `docs/embedding.md` says by whom.
"""

from huffleraft.testing.machines import check_machine
from huffleraft.testing.networks import check_network
from huffleraft.testing.storages import check_storage
from huffleraft.testing.verdict import NotConforming

__all__ = ["NotConforming", "check_machine", "check_network", "check_storage"]
