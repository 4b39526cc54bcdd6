"""Digests over what is stored, so that bytes that changed on the disk are not taken for a snapshot.

They guard against accidents. Against an attacker who can write to the store only a key helps, and a store has none.
"""

from __future__ import annotations

from hashlib import sha256


def digest(*parts: bytes) -> bytes:
    """Return the SHA-256 of the parts; where one ends and the next begins counts."""
    return digest_behind(measured(*parts[:-1]), parts[-1])


def measured(*parts: bytes) -> bytes:
    """Return the parts, each behind its length."""
    return b"".join([len(part).to_bytes(8, "big") + part for part in parts])


def digest_behind(head: bytes, data: bytes) -> bytes:
    """Return the digest of data behind measured parts; the data are not copied, as they may be large."""
    state = sha256(head)
    state.update(len(data).to_bytes(8, "big"))
    state.update(data)
    return state.digest()
