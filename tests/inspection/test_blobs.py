"""Evidence in a bucket: signed as the store's makers publish it, whole or not at all, and never a key in a message."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.core.clock import ManualClock
from bot.core.config import S3Settings, Settings
from bot.core.errors import Problem
from bot.core.sigv4 import EMPTY, Keys, signed_headers
from bot.inspection.checklists.blobs import TROUBLE, Bucket
from bot.inspection.checklists.evidence import EvidenceStore, open_store
from tests.fakes.bucket import BUCKET, SECRET, FakeBucket, running
from tests.fakes.visits import picture

AWS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
MAY_2013 = dt.datetime(2013, 5, 24, tzinfo=dt.UTC)

# Amazon S3 API reference, "Examples: Signature Calculations", all four
PUBLISHED = [
    ("GET", "/test.txt", {}, {"range": "bytes=0-9"}, EMPTY,
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    ("PUT", "/test$file.text", {},
     {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
    ("GET", "/", {"lifecycle": ""}, {}, EMPTY, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
    ("GET", "/", {"max-keys": "2", "prefix": "J"}, {}, EMPTY,
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
]  # fmt: skip


@pytest.mark.parametrize("example", PUBLISHED, ids=lambda example: example[5][:8])
def test_a_request_is_signed_as_published(
    example: tuple[str, str, dict[str, str], dict[str, str], str, str],
) -> None:
    method, path, query, headers, payload, signature = example
    signed = signed_headers(
        AWS, method=method, host="examplebucket.s3.amazonaws.com", path=path, query=query, headers=headers,
        payload_sha256=payload, now=MAY_2013,
    )  # fmt: skip
    assert signed["Authorization"].endswith(f"Signature={signature}")
    assert AWS.secret not in repr(AWS) + str(signed)


@pytest.fixture
def bucket() -> FakeBucket:
    return FakeBucket()


@pytest.fixture
def port(bucket: FakeBucket) -> Iterator[int]:
    with running(bucket) as port:
        yield port


@pytest.fixture
def store(bucket: FakeBucket, port: int) -> EvidenceStore:
    return EvidenceStore(Bucket(bucket.settings(port)), 200_000)


def test_a_photo_is_kept_once_under_its_hash_and_comes_back_whole(
    store: EvidenceStore, bucket: FakeBucket
) -> None:
    one, two = store.put(picture()), store.put(picture())
    assert one == two
    key = f"county-a/{one.sha256[:2]}/{one.sha256[2:4]}/{one.sha256}"
    assert bucket.objects == {key: ("image/jpeg", picture())}
    assert [method for method, _ in bucket.seen] == ["HEAD", "PUT", "HEAD", "HEAD", "GET"]
    assert store.read(one.sha256) == picture()
    assert BUCKET in store.check()


def test_a_broken_way_is_tried_again_and_then_said(store: EvidenceStore, bucket: FakeBucket) -> None:
    bucket.trouble = [503, 0, 500, 0]
    with pytest.raises(Problem) as caught:
        store.put(picture())
    assert caught.value.key == "store_unreachable"
    bucket.trouble = [503]
    assert store.read(store.put(picture()).sha256) == picture()


GARBAGE = [
    b"", b"\x00" * 300, b"HTTP/1.1 200", b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 999999 what\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 300 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
]  # fmt: skip
PORTAL = b"HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n<html>Please log in</html>  "


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_from_the_store_loses_nothing_and_is_tried_again(
    store: EvidenceStore, bucket: FakeBucket, garbage: bytes
) -> None:
    bucket.trouble = [garbage, garbage, None, garbage, None]
    assert store.read(store.put(picture()).sha256) == picture()
    bucket.trouble = [garbage] * 12
    with pytest.raises(Problem) as caught:
        store.put(picture(12))
    assert caught.value.key in TROUBLE
    assert len(bucket.objects) == 1


def test_a_page_that_says_yes_to_everything_keeps_nothing(store: EvidenceStore, bucket: FakeBucket) -> None:
    """A login page between us and the store answers 200; so does a store that forgets what it was given."""
    bucket.trouble = [PORTAL] * 9
    with pytest.raises(Problem, match="却查不到") as caught:
        store.put(picture())
    assert caught.value.key == "store_refused"
    bucket.trouble = [None, 200, None, 200, None, 200]
    with pytest.raises(Problem, match="却查不到"):
        store.put(picture())
    bucket.trouble = []
    assert store.read(store.put(picture()).sha256) == picture()


def test_a_broken_object_is_kept_anew(store: EvidenceStore, bucket: FakeBucket) -> None:
    kept = store.put(picture())
    whole = dict(bucket.objects)
    bucket.objects = {key: (kind, b"x" * len(body)) for key, (kind, body) in whole.items()}
    assert store.put(picture()) == kept
    assert bucket.objects == whole


def test_an_answer_that_breaks_off_or_was_spoiled_on_the_way_is_asked_for_again(
    store: EvidenceStore, bucket: FakeBucket
) -> None:
    kept = store.put(picture())
    body = picture()
    short = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-7]
    ended = b"HTTP/1.1 200 OK\r\n\r\n" + body[:-7]  # no length: only the fingerprint tells
    bucket.trouble = [short, ended]
    assert store.read(kept.sha256) == body
    bucket.trouble = [ended] * 3
    with pytest.raises(Problem, match="指纹不符"):
        store.read(kept.sha256)


@pytest.mark.parametrize(
    ("status", "code"), [(301, "PermanentRedirect"), (403, "AccessDenied"), (400, "InvalidBucketName")]
)
def test_a_refusal_is_told_by_its_code(
    store: EvidenceStore, bucket: FakeBucket, status: int, code: str
) -> None:
    words = f"<Error><Code>{code}</Code><Key>{SECRET}</Key></Error>".encode()
    bucket.trouble = [None, b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n" % (status, len(words)) + words]
    with pytest.raises(Problem) as caught:
        store.put(picture())
    assert (caught.value.key, caught.value.fields) == ("store_refused", {"状态": f"{status} {code}"})


def test_a_store_that_is_silent_or_never_ends_is_given_up(bucket: FakeBucket, port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nobody = Bucket(bucket.settings(silent.getsockname()[1], timeout=0.05))
        with pytest.raises(Problem, match="连不上") as caught:
            nobody.read("f" * 64)
    assert caught.value.fields == {"原因": "TimeoutError"}
    hurried = Bucket(bucket.settings(port), patience=1e-9)
    bucket.objects["county-a/ff/ff/" + "f" * 64] = ("image/jpeg", b"x" * 300_000)
    with pytest.raises(Problem, match="连不上"):
        hurried.read("f" * 64)
    bucket.trouble = [
        b"HTTP/1.1 404 No\r\n\r\n" + b"<Error>" * 20_000
    ] * 4  # longer than anything a store says
    with pytest.raises(Problem, match="连不上"):
        Bucket(bucket.settings(port)).keep("e" * 64, b"x", "image/jpeg")


def test_what_is_not_there_is_not_found(store: EvidenceStore) -> None:
    for name in ("f" * 64, "../../etc/passwd", ""):
        with pytest.raises(Problem) as caught:
            store.read(name)
        assert caught.value.key == "not_found"


def test_a_file_that_changed_in_the_store_is_not_given_out(store: EvidenceStore, bucket: FakeBucket) -> None:
    kept = store.put(picture())
    bucket.objects = {key: (kind, body[:-1] + b"x") for key, (kind, body) in bucket.objects.items()}
    with pytest.raises(Problem, match="指纹不符"):
        store.read(kept.sha256)


def test_a_wrong_key_or_a_clock_that_is_off_is_said_without_the_secret(bucket: FakeBucket, port: int) -> None:
    wrong = Bucket(bucket.settings(port, secret_key="another-secret"))
    late = Bucket(bucket.settings(port), clock=ManualClock(MAY_2013))
    for place, code in ((wrong, "SignatureDoesNotMatch"), (late, "RequestTimeTooSkewed")):
        with pytest.raises(Problem) as caught:
            place.read("f" * 64)
        assert caught.value.fields == {"状态": f"403 {code}"}
        assert SECRET not in str(caught.value)
    assert bucket.objects == {}


def test_the_settings_choose_the_store_and_half_a_block_is_refused(
    tmp_path: Path, bucket: FakeBucket, port: int
) -> None:
    here = Settings(data_dir=tmp_path, _env_file=None)  # type: ignore[call-arg]
    assert open_store(here).check() == f"目录 {tmp_path / 'evidence'}"
    there = here.model_copy(update={"s3": bucket.settings(port)})
    open_store(there).put(picture())
    assert len(bucket.objects) == 1
    with pytest.raises(ValidationError) as caught:
        S3Settings(endpoint="s3.example", bucket="b", access_key="a", secret_key=SECRET)
    assert SECRET not in str(caught.value)
