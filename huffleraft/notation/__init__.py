"""The house notation: states, messages, events and effects, each as one line of text.

The same words stand in logs, in golden scripts and in a failing test's output, so what is read
in production is what a test is written in.  An example says most of it::

    n1 t2 LEADER         log 1:1 2:1 3:2  commit 2  applied 2  n2 3>4  n3 0?4
    n2 t2 follower       log 1:1 2:1 3:2  commit 2  applied 2  of n1
    n1 -> n2  append t2 after 3:2 [4:2] commit 2
    n2 -> n1  vote! t3 refused (after #3)

- An entry is told by its id as ``index:term``, position first: logs are read by position.
- ``#3`` is this boot's third write, ``r7`` a request's ref, ``t2`` a term.
- ``?`` asks and ``!`` answers; ``n2 3>4`` is a peer's match and next index, with ``?`` for
  ``>`` while the leader only guesses where the logs agree; ``n2 3<40`` is sent a snapshot.
- A command is never shown, only its size: values belong to clients, not to logs.

`render` writes it.  What reads it back stands beside it, in a file of its own.
"""

from huffleraft.notation.render import (
    render_configuration,
    render_effect,
    render_entry,
    render_event,
    render_id,
    render_ids,
    render_log,
    render_message,
    render_outcome,
    render_server,
    render_snapshot,
)

__all__ = [
    "render_configuration",
    "render_effect",
    "render_entry",
    "render_event",
    "render_id",
    "render_ids",
    "render_log",
    "render_message",
    "render_outcome",
    "render_server",
    "render_snapshot",
]
