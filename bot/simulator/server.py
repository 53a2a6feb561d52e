"""One address for the simulated world: the page and person API at ``/``, each chat service under its name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from aiohttp import web

from bot.simulator.acts import PlatformServer
from bot.simulator.api import PersonApi
from bot.simulator.faults import FaultPlan
from bot.simulator.page import Page
from bot.simulator.people import World
from bot.simulator.phone import Phones

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LARGEST_BODY = 24 * 1024 * 1024  # bytes: a phone's photo, doubly sure

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Simulator:
    """The server. The caller owns ``world`` and closes it after ``stop()``."""

    def __init__(
        self,
        world: World,
        faults: FaultPlan,
        servers: Mapping[str, PlatformServer],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.world = world
        self.faults = faults
        self.servers = dict(servers)
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._api: PersonApi | None = None

    @property
    def base_url(self) -> str:
        """Where it listens, ``http://host:port``; known after ``start()``."""
        shown = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{shown}:{self._port}"

    async def start(self) -> None:
        """Bind; port 0 lets the system choose one, which stays for a later start."""
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        await web.TCPSite(runner, self._host, self._port).start()
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Let waiting polls go, close the chat services and the port."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        if self._api is not None:
            self._api.quit()
        for server in self.servers.values():
            await server.close()
        await runner.cleanup()

    def _app(self) -> web.Application:
        phones = Phones(self.world, self.servers)
        self._api = PersonApi(phones)
        app = web.Application(middlewares=[self._guard], client_max_size=LARGEST_BODY)
        for name, server in self.servers.items():
            app.add_subapp(f"/{name}", server.app())
        app.add_routes([*self._api.routes(), *Page(phones, self.faults).routes()])
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Keep other web sites in the same browser away from the page: no foreign name, no foreign form."""
        if request.path.split("/")[1] not in self.servers:
            if self._host in LOOPBACK and request.url.host not in LOOPBACK:
                raise web.HTTPForbidden(text="只能用 127.0.0.1 打开。")
            origin = request.headers.get("Origin")
            if request.method == "POST" and origin and urlsplit(origin).netloc != request.host:
                raise web.HTTPForbidden(text="不接受别的网站发来的请求。")
        return await handler(request)
