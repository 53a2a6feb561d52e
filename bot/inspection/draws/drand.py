"""drand's public beacon *quicknet*: when a round speaks, and whether a signature is the network's (scheme
``bls-unchained-g1-rfc9380``, https://docs.drand.love). Pure; the pairing is py_ecc's, an optional library.

What the network signs is SHA-256 of the round (eight bytes, big-endian). The randomness is SHA-256 of the signature.
"""

from __future__ import annotations

import datetime as dt
import sys
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec

QUICKNET = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"  # chain hash
PUBLIC_KEY = (
    "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc2"
    "2b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
)
GENESIS, PERIOD = 1692803367, 3  # Unix seconds of round 1, seconds between rounds
_TAG = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
_G1_BYTES, _G2_BYTES = 48, 96


def speaks_at(number: int) -> dt.datetime:
    """The moment from which round *number* of quicknet is public."""
    return dt.datetime.fromtimestamp(GENESIS + (number - 1) * PERIOD, dt.UTC)


def randomness(signature: str) -> str:
    """What the signature (hex) gives. Raises ValueError."""
    return sha256(bytes.fromhex(signature)).hexdigest()


def can_check() -> bool:
    """Whether the library for the pairing is installed (``pip install 'suicha[drand]'``)."""
    return find_spec("py_ecc") is not None


def is_signed(number: int, signature: str, *, public_key: str = PUBLIC_KEY) -> bool:
    """Whether *signature* (48 bytes in hex) is the network's for the round. Takes about a second.

    Points off the curve or outside the prime-order subgroup are refused.
    """
    load_library()
    from py_ecc.bls.hash_to_curve import hash_to_G1  # noqa: PLC0415 - optional, and slow to load
    from py_ecc.optimized_bls12_381 import FQ12, G2, final_exponentiate, neg, pairing  # noqa: PLC0415

    try:
        signed, key = _g1(bytes.fromhex(signature)), _g2(bytes.fromhex(public_key))
    except ValueError:
        return False
    message = hash_to_G1(sha256(number.to_bytes(8, "big")).digest(), _TAG, sha256)
    product = pairing(G2, neg(signed), final_exponentiate=False) * pairing(
        key, message, final_exponentiate=False
    )
    return bool(final_exponentiate(product) == FQ12.one())


def load_library() -> None:
    """Import the library and take back the recursion limit of 100,000 that it sets for the whole process: with it a
    hostile document, nested deeply, would overflow the stack of whatever parses it."""
    limit = sys.getrecursionlimit()
    try:
        import_module("py_ecc")
    finally:
        sys.setrecursionlimit(limit)


def _g1(body: bytes) -> object:
    from py_ecc.bls.point_compression import decompress_G1  # noqa: PLC0415
    from py_ecc.bls.typing import G1Compressed  # noqa: PLC0415

    if len(body) != _G1_BYTES:
        raise ValueError("a signature has 48 bytes")
    return _in_subgroup(decompress_G1(G1Compressed(int.from_bytes(body, "big"))))


def _g2(body: bytes) -> object:
    from py_ecc.bls.point_compression import decompress_G2  # noqa: PLC0415
    from py_ecc.bls.typing import G2Compressed  # noqa: PLC0415

    if len(body) != _G2_BYTES:
        raise ValueError("a public key has 96 bytes")
    high, low = int.from_bytes(body[:48], "big"), int.from_bytes(body[48:], "big")
    return _in_subgroup(decompress_G2(G2Compressed((high, low))))


def _in_subgroup(point: object) -> object:
    from py_ecc.bls.g2_primitives import subgroup_check  # noqa: PLC0415
    from py_ecc.optimized_bls12_381 import is_inf  # noqa: PLC0415

    if is_inf(point) or not subgroup_check(point):
        raise ValueError("not a point of the group")
    return point
