"""The published hash of one payload, written again from the page that publishes it."""

from __future__ import annotations

import hashlib


def by_the_page(tag: int, payload: bytes, salt: str) -> int:
    """Hash a payload as the format page says, written again from that page."""
    seed = hashlib.sha256(salt.encode()).digest()
    k0, k1 = int.from_bytes(seed[:8], "little"), int.from_bytes(seed[8:16], "little")

    def mix(x: int) -> int:
        x = (x + 0x9E3779B97F4A7C15) % 2**64
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
        return x ^ (x >> 31)

    length = len(payload)
    payload = hashlib.sha256(payload).digest() if length > 256 else payload
    h = k0
    for at in range(0, len(payload), 8):
        h = mix(h ^ int.from_bytes(payload[at : at + 8].ljust(8, b"\0"), "little"))
    return mix(h ^ k1 ^ length ^ (tag << 56))
