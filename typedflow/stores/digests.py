"""Digests over what is stored, so that bytes that changed on the disk are not taken for a snapshot.

They guard against accidents. Against somebody who can write to the store only a key helps, and a store has none.
"""

from __future__ import annotations

from hashlib import sha256


def digest(*parts: bytes) -> bytes:
    """Give the SHA-256 of the parts; where one ends and the next begins counts."""
    state = sha256(b"".join([len(part).to_bytes(8, "big") + part for part in parts[:-1]]))
    state.update(len(parts[-1]).to_bytes(8, "big"))
    state.update(parts[-1])  # the data, which may be large, are not copied
    return state.digest()
