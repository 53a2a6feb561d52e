"""The servers of ``bench/callbacks.py``, each in a process of its own: ours, and the peers.

python bench/_hooks.py bare|ours|nothing|sqlmodel PORT DATABASE      (flask is served by gunicorn: bench._hooks:flask_app)
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import uvloop

CORP, TOKEN, AES = "wwbench000000001", "token0bench", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def ours(port: int, database: str) -> None:
    """The service's own route and guard, adapter, inbox and dispatch; handlers answer nobody, as for an unknown command."""
    import aiohttp

    from bot.core.collecting import look_seldom

    async def main() -> None:
        async with aiohttp.ClientSession() as http:
            await _serve(_ours_app(database, http), port)
            look_seldom()  # as ``suicha serve`` does
            await asyncio.Event().wait()

    uvloop.run(main())


def _ours_app(database: str, http: Any) -> Any:
    from aiohttp import web

    from bot.core.clock import SystemClock
    from bot.core.config_wecom import WeComSettings
    from bot.platforms.wecom.app import WeComPlatform
    from handlers.web import hooks
    from handlers.web.pages import guard

    wecom = WeComSettings.model_validate({
        "corp_id": CORP, "agent_id": 1000017, "secret": "secret-of-the-bench", "token": TOKEN, "aes_key": AES,
        "api_base": "http://127.0.0.1:1",
    })  # fmt: skip
    platform = WeComPlatform(wecom, SystemClock(), http)
    app = web.Application(middlewares=[guard])
    app[hooks.WECOM] = {"wecom": platform}
    app[hooks.DISPATCHER] = _dispatcher(database, platform)
    app.add_routes(hooks.routes)
    return app


def _dispatcher(database: str, platform: Any) -> Any:
    from bot.core.clock import SystemClock
    from bot.core.config import Settings
    from bot.core.db import Database
    from bot.core.links import Links
    from bot.inspection.audit.service import SALT
    from bot.inspection.calendar import WorkCalendar
    from bot.inspection.profile import load_profile
    from bot.messaging.cards import Cards
    from bot.messaging.dispatch import Dispatcher
    from bot.messaging.render import Renderer
    from bot.messaging.router import Router

    db, clock, platforms = (
        Database(database, info={SALT: "salt-of-the-bench"}),
        SystemClock(),
        {"wecom": platform},
    )
    links = Links("https://suicha.example.cn", "k" * 24)
    return Dispatcher(
        db, clock, platforms=platforms, router=Router(), links=links, settings=Settings(_env_file=None),
        cards=Cards(db, clock, platforms=platforms, kinds={}, renderer=Renderer(links)),
        profile=load_profile("default"), calendar=WorkCalendar.load(),
    )  # type: ignore[call-arg]  # fmt: skip


def bare(port: int) -> None:
    """aiohttp with a handler that does nothing, not even read the body: what no service on it can be faster than."""
    from aiohttp import web

    async def nothing(_request: web.Request) -> web.Response:
        return web.Response()

    async def main() -> None:
        app = web.Application()
        app.router.add_post("/hooks/wecom", nothing)
        await _serve(app, port)
        await asyncio.Event().wait()

    uvloop.run(main())


async def _serve(app: Any, port: int) -> None:
    from aiohttp import web

    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()


def _crypto() -> Any:
    from wechatpy.enterprise.crypto import WeChatCrypto

    return WeChatCrypto(TOKEN, AES, CORP)


def _open(crypto: Any, query: Any, body: bytes) -> Any:
    from wechatpy.enterprise import parse_message

    return parse_message(
        crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
    )


def nothing_app() -> Any:
    """FastAPI and wechatpy, storing nothing."""
    from fastapi import FastAPI, Request, Response

    app, crypto = FastAPI(), _crypto()

    @app.post("/hooks/wecom")
    async def nothing(request: Request) -> Response:
        _open(crypto, request.query_params, await request.body())
        return Response()

    return app


def storing_app(database: str) -> Any:
    """FastAPI and wechatpy; each message is a SQLModel row, committed before the answer."""
    from fastapi import FastAPI, Request, Response
    from sqlmodel import Session
    from starlette.concurrency import run_in_threadpool

    app, crypto = FastAPI(), _crypto()
    engine, received = _received(database)

    @app.post("/hooks/wecom")
    async def stored(request: Request) -> Response:
        message = _open(crypto, request.query_params, await request.body())

        def keep() -> None:
            with Session(engine) as session:
                session.add(received(message_id=str(message.id), content=message.content))
                session.commit()

        await run_in_threadpool(keep)
        return Response()

    return app


def _received(database: str) -> tuple[Any, Any]:
    """An engine as durable as ours, and the table."""
    from sqlalchemy import event
    from sqlalchemy.pool import QueuePool
    from sqlmodel import Field, SQLModel, create_engine

    class Received(SQLModel, table=True):
        id: int | None = Field(default=None, primary_key=True)
        message_id: str = Field(unique=True)
        content: str

    engine = create_engine(database, poolclass=QueuePool, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: object) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    SQLModel.metadata.tables["received"].create(engine)
    return engine, Received


def make_flask() -> Any:
    """Flask and wechatpy, storing nothing."""
    from flask import Flask, request

    app, crypto = Flask(__name__), _crypto()

    @app.post("/hooks/wecom")
    def nothing() -> tuple[str, int]:
        _open(crypto, request.args, request.get_data())
        return "", 200

    return app


def main(what: str, port: int, database: str) -> None:
    if what == "bare":
        bare(port)
    elif what == "ours":
        ours(port, database)
    else:
        import uvicorn

        app = storing_app(database) if what == "sqlmodel" else nothing_app()
        uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", loop="uvloop", access_log=False)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
elif os.environ.get("BENCH_FLASK"):
    flask_app = make_flask()
