"""Digests over what is stored, so that bytes that changed on the disk are not taken for a snapshot.

They guard against accidents. Against somebody who can write to the store only a key helps, and a store has none.
"""

from __future__ import annotations

from hashlib import sha256


def digest(*parts: bytes) -> bytes:
    """Give the SHA-256 of the parts; where one ends and the next begins counts."""
    state = sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()
