"""``suicha serve``: the service, until it is told to stop."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from bot.core.errors import Problem


def serve(
    host: Annotated[str, typer.Option(help="监听地址；默认取设置 SUICHA_HOST。")] = "",
    port: Annotated[int, typer.Option(help="监听端口；默认取设置 SUICHA_PORT。")] = 0,
) -> None:
    """启动服务：接收回调、发送消息、定时提醒、公示页面。

    例：suicha serve --port 8080
    """
    import uvloop
    from aiohttp import web

    from bot.app import make_app
    from bot.core.config import Settings
    from bot.core.log import configure_logging

    settings = Settings()
    configure_logging(level=settings.log_level, json=settings.log_json)
    bound = bind(host or settings.host, port or settings.port)
    uvloop.install() if hasattr(uvloop, "install") else None
    web.run_app(make_app(settings), sock=bound, print=lambda *_: None, access_log=None, shutdown_timeout=20)


def bind(host: str, port: int) -> socket.socket:
    """Take the port or say who should; raises Problem ``port_taken``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise Problem(
            "port_taken", "端口不能使用，可能已有程序在监听。", 地址=f"{host}:{port}", 原因=error.strerror
        ) from error
    return sock
