"""jepsen_lite: break a real cluster on purpose, and judge what its clients saw.

`history` is what clients saw, as values and as a file. `models` says what a register or a
key-value store may do, one operation at a time. `checkers` says whether a history could have come
from such an object; `verdict` is the answer: true, false, or unknown.
"""
