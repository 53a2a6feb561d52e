"""A mail server that takes letters over SMTP (RFC 5321) and keeps them in the simulated world."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
from dataclasses import dataclass, field

from bot.simulator.people import World

MOST = 10 * 1024 * 1024  # bytes of one letter


@dataclass(slots=True)
class MailServer:
    """``refused``: addresses nobody has; ``later``: asked to come again; ``drop_after_data``: so many letters are
    taken and the connection cut before the answer."""

    world: World
    refused: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    drop_after_data: int = 0
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self.port, limit=MOST)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await self._dialogue(reader, writer)
        writer.close()

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 simulated mail\r\n")
        to = ""
        while line := await reader.readline():
            words = line.decode("utf-8", "replace").strip()
            verb = words[:4].upper()
            if verb == "RCPT":
                to = words.partition("<")[2].partition(">")[0]
                answer = self._about(to)
            elif verb == "DATA":
                writer.write(b"354 go on\r\n")
                raw = await reader.readuntil(b"\r\n.\r\n")
                self._keep(to, raw)
                if self.drop_after_data:
                    self.drop_after_data -= 1
                    return
                answer = "250 taken"
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                await writer.drain()
                return
            else:
                answer = "250 fine" if verb in ("EHLO", "HELO", "MAIL", "RSET", "NOOP") else "502 not here"
            writer.write(f"{answer}\r\n".encode())

    def _about(self, to: str) -> str:
        if to in self.refused:
            return "550 nobody here by that name"
        return "451 greylisted, come again" if to in self.later else "250 fine"

    def _keep(self, to: str, raw: bytes) -> None:
        letter = email.message_from_bytes(raw.replace(b"\r\n..", b"\r\n."), policy=email.policy.default)
        body = letter.get_body(("plain",))
        text = str(body.get_content()) if body is not None else ""
        content = {"subject": str(letter["Subject"]), "text": text, "message_id": str(letter["Message-ID"])}
        self.world.post("email", to, "mail", content)
