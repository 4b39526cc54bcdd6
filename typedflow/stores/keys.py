"""The keys of a sealed store, and what each of them does to bytes.

Bytes are encrypted with AES-256-GCM (the package cryptography, extra `sealed`), or signed with HMAC-SHA256 (the
standard library). A key is never used itself: each use has a key of its own, derived from it, so that one key may
serve both modes. AES-GCM with random nonces is safe for 2**32 messages under one key (NIST SP 800-38D).
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping
from typing import Final, NoReturn, final

from typedflow.errors import StoreError
from typedflow.rules import sealing as texts
from typedflow.rules.sealing import Mode

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 32
CHECK_BYTES: Final = 8
"""Of a digest that tells two keys of one id apart."""


class BrokenSeal(Exception):
    """The bytes are not those that the key has sealed."""


@final
class Key:
    """One key; it never shows its bytes, and cannot be pickled."""

    __slots__ = ("_cipher", "_encrypting", "_signing", "check")

    def __init__(self, key: bytes) -> None:
        self.check: Final = _derived(key, "check")[:CHECK_BYTES]
        """What a sealed record has of the key, to tell a wrong key from altered bytes."""
        self._signing = _derived(key, "sign")
        self._encrypting = _derived(key, "encrypt")
        self._cipher: tuple[Callable[..., bytes], Callable[..., bytes]] | None = None

    def sign(self, head: bytes, data: bytes) -> bytes:
        """Return the data, and the signature of the head and the data behind it."""
        return data + self._signature(head, data)

    def verified(self, head: bytes, body: bytes) -> bytes:
        """Return what `sign` was given; raises `BrokenSeal`."""
        data, signature = body[:-TAG_BYTES], body[-TAG_BYTES:]
        if len(body) < TAG_BYTES or not hmac.compare_digest(self._signature(head, data), signature):
            raise BrokenSeal
        return data

    def _signature(self, head: bytes, data: bytes) -> bytes:
        state = hmac.new(self._signing, len(head).to_bytes(8, "big"), "sha256")
        state.update(head)
        state.update(data)
        return state.digest()

    def encrypt(self, head: bytes, data: bytes) -> bytes:
        """Return the data encrypted, behind a nonce, and bound to the head."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._ciphers()[0](nonce, data, head)

    def decrypted(self, head: bytes, body: bytes) -> bytes:
        """Return what `encrypt` was given; raises `BrokenSeal`."""
        try:
            return self._ciphers()[1](body[:NONCE_BYTES], body[NONCE_BYTES:], head)
        except StoreError:
            raise
        except Exception:  # InvalidTag, and ValueError for what is too short
            raise BrokenSeal from None

    def _ciphers(self) -> tuple[Callable[..., bytes], Callable[..., bytes]]:
        if self._cipher is None:
            self._cipher = _cipher_of(self._encrypting)
        return self._cipher

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled or copied")


@final
class Keys:
    """Seal what a store keeps with the key `current`, and open it with whichever of the keys has sealed it.

    A key is 32 random bytes (`secrets.token_bytes(32)`); its id is a short name, and is stored. Mode "encrypt" hides
    what is stored and detects every change of it; "sign" only detects changes. Either opens what the other has sealed.
    Raises `StoreError` for keys that cannot seal, and where mode "encrypt" lacks the package cryptography.

        >>> import secrets
        >>> from typedflow.stores import Keys
        >>> Keys(current="2026-11", keys={"2026-11": secrets.token_bytes(32)}, mode="sign")
        Keys(current='2026-11', keys=['2026-11'], mode='sign')
    """

    __slots__ = ("_keys", "current", "mode")

    def __init__(self, current: str, keys: Mapping[str, bytes], mode: Mode = "encrypt") -> None:
        problems = texts.check_keys(current, keys, mode)
        if problems:
            raise StoreError(problems)
        self.current: Final = current
        self.mode: Final[Mode] = mode
        self._keys = {id_: Key(key) for id_, key in keys.items()}
        if mode == "encrypt":
            self._keys[current].encrypt(b"", b"")  # what is missing is missed here, not at the first save

    @property
    def ids(self) -> list[str]:
        """The ids of all keys, sorted."""
        return sorted(self._keys)

    def key(self, id_: str) -> Key | None:
        """Return the key of an id, None where there is none."""
        return self._keys.get(id_)

    def __repr__(self) -> str:
        return f"Keys(current={self.current!r}, keys={self.ids!r}, mode={self.mode!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys are not pickled or copied")


def _derived(key: bytes, use: str) -> bytes:
    return hmac.digest(key, f"typedflow.stores.keys {use}".encode(), "sha256")


def _cipher_of(key: bytes) -> tuple[Callable[..., bytes], Callable[..., bytes]]:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise StoreError(texts.missing_library_problem()) from None
    cipher = AESGCM(key)
    return cipher.encrypt, cipher.decrypt
