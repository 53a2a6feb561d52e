"""A beacon of our own: it signs as drand's network does, by a key that is known here."""

from __future__ import annotations

from hashlib import sha256

from bot.inspection.draws import drand


def signed(number: int, key: int) -> str:
    """The signature of round *number*, in hex."""
    drand.load_library()
    from py_ecc.bls.hash_to_curve import hash_to_G1  # noqa: PLC0415
    from py_ecc.bls.point_compression import compress_G1  # noqa: PLC0415
    from py_ecc.optimized_bls12_381 import multiply  # noqa: PLC0415

    message = hash_to_G1(sha256(number.to_bytes(8, "big")).digest(), drand._TAG, sha256)
    return f"{compress_G1(multiply(message, key)):096x}"


def public_key(key: int) -> str:
    """The key under which it verifies, in hex."""
    drand.load_library()
    from py_ecc.bls.point_compression import compress_G2  # noqa: PLC0415
    from py_ecc.optimized_bls12_381 import G2, multiply  # noqa: PLC0415

    high, low = compress_G2(multiply(G2, key))
    return f"{high:096x}{low:096x}"
