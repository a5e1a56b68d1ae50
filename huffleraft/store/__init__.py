"""What survives a crash: the log, the vote and the rows of one node, in one database file.

`sqlite` is the store that nodes run on; `memory` is its twin for tests and simulations.
Read in this order: `founding` and `directory` (whose disk it is), `writer` (the thread),
`merge` (group commit), `database` (the connection), `schema`, `facts`, `batches` and `keyspace`
(the tables), `wal`, `agreement` and `opening` (nothing is believed before it is verified),
`sqlite`.  Snapshots: `copies` (the format), `side_files`, `outgoing`, `staging`, `replacing`,
`snapshots` (all of it in steps).
"""
