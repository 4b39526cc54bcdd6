"""Problems of sealed stores: of their keys, and of what is stored and cannot be opened with them.

No message contains a key, nor anything that was opened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, TypeAlias, get_args

from typedflow.rules.names import is_id, name_hint
from typedflow.rules.problems import Problem
from typedflow.rules.wording import OfType, describe, quoted

KEY_BYTES: Final = 32
"""The length of a key."""
Mode: TypeAlias = Literal["encrypt", "sign"]
"""What keys do to what they seal."""
MODES: Final = get_args(Mode)
MAKE_KEY: Final = "secrets.token_bytes(32) makes one"


def check_keys(current: object, keys: object, mode: object) -> list[Problem]:
    """Check what is to seal a store, all at once (TF975)."""
    if mode not in MODES:
        text = f"the mode of keys is {' or '.join(map(quoted, MODES))}, not {describe(mode)}"
        return [Problem("TF975", text, side="value")]
    if not isinstance(keys, Mapping) or not keys:
        given = "an empty mapping" if isinstance(keys, Mapping) else f"a value of {type(keys).__name__}"
        return [Problem("TF975", f"keys are a mapping of key ids to bytes, not {given}", MAKE_KEY, side="value")]
    problems = [problem for id_, key in keys.items() for problem in _check_key(id_, key)]
    if not problems and (not isinstance(current, str) or current not in keys):
        hint = name_hint(current, keys)
        problems.append(Problem("TF975", f"the current key {_shown(current)} is none of the keys", hint, side="value"))
    return problems


def _check_key(id_: object, key: object) -> list[Problem]:
    problems = []
    if not is_id(id_):
        text = f"{_shown(id_)} is no key id"
        hint = "at most 128 letters, digits, '.', '_' and '-', such as '2026-11'"
        problems.append(Problem("TF975", text, hint, side="key"))
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        given = f"{len(key)} bytes" if isinstance(key, bytes) else f"a value of {type(key).__name__}"
        text = f"the key of {_shown(id_)} is {given}, and has to be {KEY_BYTES} bytes"
        problems.append(Problem("TF975", text, MAKE_KEY, side="value"))
    return problems


def _shown(id_: object) -> str:
    """Return a key id for a message; what is no id may be a key that stands in its place, and is not shown."""
    return quoted(id_) if isinstance(id_, str) and is_id(id_) else f"a value of {type(id_).__name__}"


def missing_library_problem() -> Problem:
    """Report that what encrypts is not installed (TF975)."""
    text = "keys with mode 'encrypt' need the package cryptography, which is not installed"
    return Problem("TF975", text, "pip install 'typedflow[sealed]', or mode=\"sign\"")


def wrong_keys_problem(given: object) -> Problem:
    """Report a SealedStore that was given something else than keys (TF975)."""
    text = f"a SealedStore takes Keys, not a value of {type(given).__name__}"
    return Problem("TF975", text, 'Keys(current="2026-11", keys={"2026-11": key})', side="value")


def unknown_key_problem(what: str, key: str, known: Collection[str]) -> Problem:
    """Report what is sealed with a key that is not there (TF970)."""
    text = f"{what} is sealed with key {quoted(key)}, which is none of the keys"
    nearest = name_hint(key, known)
    return Problem("TF970", text, f"{nearest}{'; ' if nearest else ''}add the old key to keys=, and reseal the store")


def wrong_key_problem(what: str, key: str) -> Problem:
    """Report what is sealed with another key of the same id (TF971)."""
    text = f"{what} is sealed with another key {quoted(key)} than the one that is given"
    return Problem("TF971", text, "give the key that had this id when it was saved")


def altered_problem(what: str) -> Problem:
    """Report sealed bytes that are not those that were written (TF972)."""
    return Problem("TF972", f"{what} was altered after it was sealed", "bring it back from a backup")


def other_place_problem(what: str, differences: Sequence[tuple[str, object, object]]) -> Problem:
    """Report what was sealed for another place (TF973); a difference is a name, what it was sealed for, what it is."""
    found = "; ".join(
        f"it was sealed for {name} {_value(sealed)}, not {_value(stored)}" for name, sealed, stored in differences
    )
    text = f"{what} was put there from elsewhere: {found or 'it was sealed for something else'}"
    return Problem("TF973", text, "bring the right one back from a backup")


def _value(given: object) -> str:
    return quoted(given) if isinstance(given, str) else describe(OfType("none") if given is None else given)


def plain_problem(what: str) -> Problem:
    """Report what is not sealed, in a store that has keys (TF974)."""
    hint = "if it was saved before the store had keys, store.reseal(plain=True) seals it"
    return Problem("TF974", f"{what} is not sealed, and the store has keys", hint)
