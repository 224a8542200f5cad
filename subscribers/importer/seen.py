"""Which addresses a list had before, in twelve bytes each."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np


class SeenAddresses:
    """Sixty-four bits stand for an address: in a million, one in 30 million lists has two alike."""

    def __init__(self) -> None:
        self._hashes = np.empty(0, np.uint64)  # sorted
        self._numbers = np.empty(0, np.uint32)

    def add(self, keys: Sequence[str], numbers: Sequence[int]) -> list[int]:
        """For each key the number of the row that had it first; 0 if it is this one."""
        hashes = np.array([_hash(key) for key in keys], np.uint64)
        rows = np.array(numbers, np.uint32)
        own, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        places = np.searchsorted(self._hashes, own)
        is_known = np.zeros(len(own), bool)
        within = places < len(self._hashes)
        is_known[within] = self._hashes[places[within]] == own[within]
        earliest = rows[first]
        earliest[is_known] = self._numbers[places[is_known]]
        is_new = ~is_known
        self._hashes = np.insert(self._hashes, places[is_new], own[is_new])
        self._numbers = np.insert(self._numbers, places[is_new], earliest[is_new])
        of_each = earliest[inverse]
        first_seen: list[int] = np.where(of_each == rows, 0, of_each).tolist()
        return first_seen


def _hash(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")
