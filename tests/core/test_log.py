"""Log lines: one JSON object each, our own and the libraries', without secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.core.log import configure_logging, log, redact


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, config = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**config)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("GET https://x/cgi-bin/gettoken?corpid=c&corpsecret=S3CRET", "S3CRET"),
        ("https://x/send?access_token=TOKEN123&x=1", "TOKEN123"),
        ("https://oapi/robot/send?access_token=abc&sign=SIGNED", "SIGNED"),
        ("webhook/send?key=693axxx6-7aoc", "693axxx6"),
        ("https://oapi.dingtalk.com/robot/sendBySession?session=deadbeef", "deadbeef"),
        ("wss://h/connect?ticket=TICKET", "TICKET"),
        ("/oauth?CODE=onetime", "onetime"),
    ],
)
def test_credentials_in_addresses_are_hidden(line: str, secret: str) -> None:
    assert secret not in redact(line)
    assert "***" in redact(line)


def test_what_is_no_credential_stays() -> None:
    assert redact("visit=17&state=ACCEPTED") == "visit=17&state=ACCEPTED"


def read(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_our_lines_and_those_of_libraries_are_one_json_object_each(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging()
    structlog.get_logger().info("sent", notice=7, url="https://x/?access_token=T0KEN", name="企业")
    logging.getLogger("aiohttp").warning("cannot reach %s", "https://x/?secret=S3CRET")
    ours, theirs = read(capsys)
    assert (ours["event"], ours["notice"], ours["level"], ours["name"]) == ("sent", 7, "info", "企业")
    assert ours["url"] == "https://x/?access_token=***"
    assert theirs["event"] == "cannot reach https://x/?secret=***"
    assert theirs["level"] == "warning"


def test_a_traceback_is_in_the_line_and_its_secrets_are_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    try:
        raise ValueError("GET https://x/?corpsecret=S3CRET")
    except ValueError:
        log.exception("send_broke")
        logging.getLogger("apscheduler").exception("job failed")
    for line in read(capsys):
        assert "ValueError" in str(line["exception"])
        assert "S3CRET" not in json.dumps(line)


def test_less_important_lines_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(level="WARNING")
    structlog.get_logger().info("nothing")
    logging.getLogger("x").info("nothing")
    structlog.get_logger().warning("something")
    assert [line["event"] for line in read(capsys)] == ["something"]


def test_a_console_is_for_reading(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(json=False)
    structlog.get_logger().info("started", port=8080)
    assert "started" in capsys.readouterr().err


def test_nested_values_are_hidden_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    structlog.get_logger().info("call", query={"url": "x?secret=S3CRET"}, tried=["x?key=K3Y"])
    assert not {"S3CRET", "K3Y"} & set(capsys.readouterr().err.replace("=", " ").replace('"', " ").split())
