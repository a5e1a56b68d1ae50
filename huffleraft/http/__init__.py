"""The one port of a node: the API of clients, and the links of peers."""
