"""Phones of the browser tests: real Chromium at 390 × 844 with a profile of its own, and a network that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import BrowserContext, Page, Playwright

CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Network:
    """A way to the server that is cut and mended; every connection goes through it, the worker's too."""

    def __init__(self, port: int) -> None:
        self._to, self._server, self.port = port, None, 0
        self._open: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)  # type: ignore[assignment]
        self.port = self._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def cut(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()  # type: ignore[unreachable]
        for writer in list(self._open):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._open |= {writer, back}
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            self._open -= {writer, back}
            for end in (writer, back):
                end.transport.abort()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.transport.abort()


class Phone:
    """A browser whose cookies, stores and worker live in *folder*, so it can be killed and opened again."""

    def __init__(self, playwright: Playwright, folder: Path) -> None:
        self._playwright, self._folder = playwright, folder
        self.cookies: dict[str, str] = {}  # of a phone that was let in before
        self.faults: list[str] = []
        self._context: BrowserContext | None = None

    async def open(self, address: str) -> Page:
        if self._context is None:
            self._context = await self._playwright.chromium.launch_persistent_context(
                self._folder, executable_path=CHROMIUM, args=list(QUIET), is_mobile=True, has_touch=True,
                viewport={"width": 390, "height": 844}, locale="zh-CN", timezone_id="Asia/Shanghai",
                permissions=["geolocation"], geolocation={"latitude": 22.63, "longitude": 110.15},
            )  # fmt: skip
            if self.cookies:
                known = [{"name": n, "value": v, "url": address} for n, v in self.cookies.items()]
                await self._context.add_cookies(known)  # type: ignore[arg-type]
        page = await self._context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        await page.goto(address)
        return page

    async def kill(self) -> None:
        """As the system does when memory is short: no event, no farewell."""
        context, self._context = self._context, None
        await asyncio.gather(*(asyncio.to_thread(_end, process) for process in self._processes()))
        if context is not None:
            with contextlib.suppress(Exception):
                await context.close()

    async def close(self) -> None:
        if self._context is not None:
            await self._context.close()
            self._context = None

    def _processes(self) -> list[int]:
        """Those that were started with this phone's folder."""
        mark = f"--user-data-dir={self._folder}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError):
                    if mark in (entry / "cmdline").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found


def _end(process: int) -> None:
    """Kill, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(process)
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [])
        finally:
            os.close(handle)


@asynccontextmanager
async def phones(playwright: Playwright, folder: Path, count: int) -> AsyncIterator[list[Phone]]:
    """Several phones, closed at the end."""
    made = [Phone(playwright, folder / f"phone-{n}") for n in range(count)]
    try:
        yield made
    finally:
        for phone in made:
            await phone.close()
