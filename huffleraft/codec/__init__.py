"""Entries and messages as bytes, for both who need them: the store and the wire.

Everything is MessagePack, in arrays, made and read by msgspec.  Nothing here trusts what it
reads: bytes from a socket or a disk either are exactly one value of the format, within its
bounds, or raise `errors.FrameInvalid` with one sentence.  How *many* bytes may come is the
reader's affair: what is decoded here is at most a small multiple of what was given.
"""
