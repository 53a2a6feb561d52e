"""AWS Signature Version 4 for object stores, as headers of one request. Pure.

Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference; its published GET example is a
test. Every S3-compatible store (MinIO, Ceph, the public clouds' gateways) checks the same signature.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key. ``secret`` never leaves this process: only signatures made with it do."""

    access: str
    secret: str
    region: str

    def __repr__(self) -> str:
        return f"Keys({self.access!r}, region={self.region!r})"


def signed_headers(
    keys: Keys,
    *,
    method: str,
    host: str,
    path: str,
    payload_sha256: str,
    now: dt.datetime,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Give *headers* with ``x-amz-date``, ``x-amz-content-sha256`` and ``Authorization``.

    *path* begins with a slash and is not yet quoted; *host* is what the Host header will say.
    """
    stamp = now.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    signed = {**(headers or {}), "x-amz-content-sha256": payload_sha256, "x-amz-date": stamp}
    names, request = canonical_request(
        method=method,
        path=path,
        query=query or {},
        headers={**signed, "host": host},
        payload_sha256=payload_sha256,
    )
    scope = f"{stamp[:8]}/{keys.region}/s3/aws4_request"
    signature = sign(keys, scope=scope, stamp=stamp, request=request)
    signed["Authorization"] = (
        f"{ALGORITHM} Credential={keys.access}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return signed


def canonical_request(
    *, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], payload_sha256: str
) -> tuple[str, str]:
    """Give the names of the signed headers, and the text whose digest is signed."""
    plain = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    names = ";".join(name for name, _ in plain)
    asked = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in sorted(query.items()))
    lines = [
        method,
        quoted_path(path),
        asked,
        *(f"{name}:{value}" for name, value in plain),
        "",
        names,
        payload_sha256,
    ]
    return names, "\n".join(lines)


def sign(keys: Keys, *, scope: str, stamp: str, request: str) -> str:
    """Give the signature of a canonical request in hex."""
    text = "\n".join((ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()))
    day, region, service, end = scope.split("/")
    key = f"AWS4{keys.secret}".encode()
    for part in (day, region, service, end):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def quoted_path(path: str) -> str:
    """Quote each segment of *path* once, as S3 wants it."""
    return quote(path, safe="/-_.~")


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
