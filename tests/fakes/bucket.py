"""An S3-compatible store that believes nothing: it checks date, payload digest and signature of every request.

The signature is worked out from what arrived on the wire, in code of its own, so a client that signs one thing and
sends another is caught.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bot.core.config import S3Settings

ACCESS, SECRET, BUCKET, REGION = (
    "AKIAFORTESTSONLY",
    "secret-of-the-tests-only",
    "suicha-evidence",
    "cn-test-1",
)
_AUTH = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, "
                   r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})")  # fmt: skip


class FakeBucket:
    """``objects`` by key with type and body; ``trouble`` are answers to give instead, first in, first out: a status, 0 to
    break the connection, bytes to say as they are, None to serve as usual."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, bytes]] = {}
        self.trouble: list[int | bytes | None] = []
        self.seen: list[tuple[str, str]] = []
        self.now = lambda: dt.datetime.now(dt.UTC)

    def settings(self, port: int, **changes: Any) -> S3Settings:
        return S3Settings(
            **{
                "endpoint": f"http://127.0.0.1:{port}", "bucket": BUCKET, "access_key": ACCESS, "secret_key": SECRET,
                "region": REGION, "prefix": "county-a/", "timeout": 5, **changes,
            }
        )  # fmt: skip

    def refusal(self, method: str, path: str, headers: dict[str, str], body: bytes) -> str:
        """The store's error code; empty when the request is genuine."""
        found = _AUTH.fullmatch(headers.get("authorization", ""))
        if not found:
            return "AccessDenied"
        access, day, region, names, signature = found.groups()
        stamp = headers.get("x-amz-date", "")
        at = dt.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        if access != ACCESS or region != REGION or stamp[:8] != day:
            return "InvalidAccessKeyId"
        if abs(self.now() - at) > dt.timedelta(minutes=15):
            return "RequestTimeTooSkewed"
        if headers.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
            return "XAmzContentSHA256Mismatch"
        if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names.split(";")):
            return "AccessDenied"
        raw_path, _, query = path.partition("?")
        listed = "".join(f"{name}:{headers[name].strip()}\n" for name in names.split(";"))
        request = f"{method}\n{raw_path}\n{query}\n{listed}\n{names}\n{headers['x-amz-content-sha256']}"
        digest = hashlib.sha256(request.encode()).hexdigest()
        key = b"AWS4" + SECRET.encode()
        for part in (day, region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{day}/{region}/s3/aws4_request\n{digest}"
        wanted = hmac.digest(key, text.encode(), "sha256").hex()
        return "" if hmac.compare_digest(wanted, signature) else "SignatureDoesNotMatch"


class _Handler(BaseHTTPRequestHandler):
    bucket: FakeBucket

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.bucket.seen.append((self.command, self.path))
        trouble = self.bucket.trouble.pop(0) if self.bucket.trouble else None
        if trouble is not None:
            self._fail(trouble)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        code = self.bucket.refusal(self.command, self.path, headers, body)
        if code:
            self._say(403, f"<Error><Code>{code}</Code><Secret>{SECRET}</Secret></Error>".encode())
            return
        self._serve(self.path.removeprefix(f"/{BUCKET}/"), headers, body)

    def _fail(self, trouble: int | bytes) -> None:
        if isinstance(trouble, bytes):
            with contextlib.suppress(OSError):  # the client may have had enough
                self.wfile.write(trouble)
        elif trouble:
            self._say(trouble, b"")
        self.close_connection = not (isinstance(trouble, int) and trouble)

    def _serve(self, key: str, headers: dict[str, str], body: bytes) -> None:
        if self.command == "PUT":
            self.bucket.objects[key] = (headers.get("content-type", ""), body)
            self._say(200, b"")
        elif not key:
            self._say(200, b"")
        elif key in self.bucket.objects:
            self._say(200, self.bucket.objects[key][1])
        else:
            self._say(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Tests are quiet."""


@contextmanager
def running(bucket: FakeBucket) -> Iterator[int]:
    """Serve on loopback; gives the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"bucket": bucket}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
