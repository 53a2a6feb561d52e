"""``suicha serve``: the service, until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from bot.core.errors import Problem

if TYPE_CHECKING:
    from aiohttp import web


def serve(
    host: Annotated[str, typer.Option(help="监听地址；默认取设置 SUICHA_HOST。")] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="监听端口；默认取设置 SUICHA_PORT。")] = 0,
) -> None:
    """启动服务：接收回调、发送消息、定时提醒、公示页面。

    例：suicha serve --port 8080
    """
    import uvloop

    from bot.app import make_app
    from bot.cli.settings import read_settings
    from bot.core.log import configure_logging

    settings = read_settings()
    configure_logging(level=settings.log_level, json=settings.log_json)
    with bind(host or settings.host, port or settings.port) as bound:
        uvloop.run(_until_told(make_app(settings), bound))


async def _until_told(app: web.Application, bound: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C, then finish what was begun; being told twice does not cut that short."""
    from aiohttp import web

    from bot.core.collecting import look_seldom

    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=20)
    try:
        await runner.setup()
        await web.SockSite(runner, bound).start()
        look_seldom()
        await told.wait()
    finally:
        await runner.cleanup()


def bind(host: str, port: int) -> socket.socket:
    """Take the port or say who should; raises Problem ``port_taken``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except socket.gaierror as error:
        sock.close()
        raise Problem("host_unknown", "监听地址不对，请检查 SUICHA_HOST。", 地址=host) from error
    except OSError as error:
        sock.close()
        taken = error.errno == errno.EADDRINUSE
        text = "端口已被别的程序占用。" if taken else "不能监听这个地址和端口。"
        where = f"{host}:{port}"
        raise Problem("port_taken", text, 地址=where, 原因=error.strerror) from error
    return sock
