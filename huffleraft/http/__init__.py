"""The one port of a node: the API of clients, the links of peers, and the Python client."""
