"""Structured logs: one line an event, with the id that follows it through; secrets never reach a handler."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp.http_exceptions import HttpProcessingError

_SECRET = re.compile(
    r"((?:access_token|corpsecret|appsecret|secret|key|session|sign|ticket|token|code)=)[^&\s\"']+",
    re.IGNORECASE,
)


_LINK = re.compile(r"(/(?:press|form|file|review|enterprise|console)/)[\w.\-]{20,}")


def redact(text: str) -> str:
    """Hide the values of query parameters that are credentials, and the tokens of signed links."""
    return _LINK.sub(r"\1***", _SECRET.sub(r"\1***", text))


def _shorten(record: logging.LogRecord) -> bool:
    """Say a request that is not HTTP in one line: its traceback would quote what was sent."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.msg, record.args, record.exc_info = "bad_request", (), None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def _redact_values(_logger: Any, _method: str, values: Any) -> Any:
    return {key: value if key.startswith("_") else _hidden(value) for key, value in values.items()}


def _hidden(value: Any) -> Any:
    """*value* without credentials, however deep they sit; what is not plain becomes its text."""
    if isinstance(value, str):
        return redact(value) if "=" in value or "/" in value else value
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _hidden(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_hidden(inner) for inner in value]
    return _hidden(str(value))


def configure_logging(*, level: str = "INFO", json: bool = True) -> None:
    """Send everything, the libraries' lines too, to standard error in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redact_values,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.getLogger("aiohttp.server").filters[:] = [_shorten]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.getLevelNamesMapping()[level.upper()], logging.WARNING))


log = structlog.get_logger()
