"""An officer of the demo at work on the form: opens the link from the card and fills what the page asks."""

from __future__ import annotations

import asyncio
import io
import re
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from PIL import Image, ImageDraw
from yarl import URL

from bot.cli.demo_chance import chance
from bot.cli.demo_page import Form, Group, PageReader

_PROBLEM, _UNABLE, _REFUSED = 0.14, 0.03, 0.05  # shares of visits, after field guide 2.6
_CODE = re.compile(r"验证码\W*(\d{6})")
_LOOKS = 80  # at the phone, 25 ms apart
_NOTE = "现场发现该项不符合要求，已当场告知负责人"


@dataclass(slots=True)
class FormFiller:
    """``at_work`` holds the links of visits that somebody stands in front of. ``home`` is where the service is now:
    a round that goes on after a kill may have moved to another port, and its older messages name the old one."""

    http: aiohttp.ClientSession
    home: str
    chats: str = ""  # the simulator's address
    owners: dict[str, str] = field(default_factory=dict)  # path of a link -> the chat it came in
    at_work: dict[str, tuple[str, float]] = field(default_factory=dict)  # link -> object name, arrival
    submitted: int = 0
    signed: int = 0
    stuck: dict[str, str] = field(default_factory=dict)  # object name -> what the page said

    def is_mine(self, person: dict[str, Any], message: dict[str, Any]) -> bool:
        """Of a department's officers the one whose name sorts first fills its part of the form."""
        partners = next((v for k, v in message["view"]["facts"] if k == "同行人员"), "")
        return all(person["name"] <= name for name in partners.split("、") if "（" not in name)

    def arrive(self, name: str, link: str, where: str, *, now: float) -> None:
        self.owners[URL(link).path] = where
        self.at_work.setdefault(self._here(link), (name, now))

    async def work(self, now: float) -> int:
        """Hand in what was begun before *now*: an inspection takes its time. Without the partner it waits."""
        gate = asyncio.Semaphore(8)

        async def one(name: str, link: str) -> int:
            async with gate:
                if not await self._fill(name, link):
                    return 0
            del self.at_work[link]
            return 1

        ready = [(name, link) for link, (name, since) in self.at_work.items() if since < now]
        before = self.signed
        done = sum(await asyncio.gather(*(one(name, link) for name, link in ready)))
        self.submitted += done
        return done + self.signed - before

    async def correct(self, name: str, link: str, where: str) -> bool:
        """A returned result: say it more clearly and hand it in again."""
        self.owners[URL(link).path] = where
        link = self._here(link)
        page, _ = await self._get(link)
        form = page.form(URL(link).path)
        if form is None:  # the other officer was quicker
            return False
        notes = [
            n
            for g in form.groups
            if not g.disabled and not g.key.startswith("visit:")
            for n in g.inputs
            if n.endswith(".note")
        ]
        better = dict.fromkeys(notes[:1], "补充说明：现场情况已再次核对")
        sent = {**form.fields, **form.filled, **better, "action": "submit"}
        handed_in = await self._hand_in(link, list(sent.items()), name)
        if "已提交" in self.stuck.get(name, ""):  # the other officer was quicker after all
            del self.stuck[name]
        return handed_in

    async def confirm(self, link: str, where: str) -> None:
        """A button that is a page, which came in the chat *where*: press its one button."""
        self.owners[URL(link).path] = where
        link = self._here(link)
        await self._get(link)  # on a phone that is new to the service it asks for the code first
        async with self.http.post(link) as response:
            await response.read()

    def _here(self, link: str) -> str:
        """The same page at the service's present address."""
        return str(URL(self.home).join(URL(link).relative()))

    async def _fill(self, name: str, link: str) -> bool:
        page, url = await self._get(link)
        if url.endswith("/receipt"):
            self.stuck.pop(name, None)
            return True
        if url.endswith("/review"):
            return await self._close(name, url, page)
        form = page.form(URL(link).path)
        if form is None:  # the partner has not checked in yet
            self.stuck[name] = page.shown()
            return False
        return await self._hand_in(link, self._answers(name, form), name)

    async def _hand_in(self, link: str, answers: list[tuple[str, Any]], name: str) -> bool:
        data = aiohttp.FormData()
        for key, value in answers:
            if isinstance(value, bytes):
                data.add_field(key, value, filename="photo.jpg", content_type="image/jpeg")
            else:
                data.add_field(key, value)
        async with self.http.post(link, data=data) as response:
            page, url = PageReader(await response.text()), str(response.url)
        if not url.endswith("/review"):
            self.stuck[name] = page.shown()
            return False
        return await self._close(name, url, page)

    async def _close(self, name: str, url: str, page: PageReader) -> bool:
        """Signature or refusal, then submit."""
        base = url.removesuffix("/review")
        closing = [f for f in page.forms if f.action.endswith("/close")]
        if closing:
            page = await self._sign(name, base, closing)
        if page.form("/sign") is not None:
            page = await self._put_name(name, base)
        submit = page.form("/submit")
        if submit is None:  # the partner has not signed yet
            self.stuck[name] = page.shown()
            return False
        async with self.http.post(f"{base}/submit", data=submit.fields) as response:
            if not str(response.url).endswith("/receipt"):
                self.stuck[name] = PageReader(await response.text()).shown()
                return False
        self.stuck.pop(name, None)
        return True

    async def _put_name(self, name: str, base: str) -> PageReader:
        """The officer's own signature under the sheet."""
        data = aiohttp.FormData()
        data.add_field(
            "signature", handwriting(f"officer {name}"), filename="sign.png", content_type="image/png"
        )
        self.signed += 1
        async with self.http.post(f"{base}/sign", data=data) as response:
            return PageReader(await response.text())

    async def _sign(self, name: str, base: str, closing: list[Form]) -> PageReader:
        data = aiohttp.FormData()
        version = closing[0].fields.get("version", "0")
        data.add_field("version", version)
        if chance("refused", name) < _REFUSED or chance("mood", name) < _UNABLE:
            data.add_field("refusal_code", next(iter(closing[-1].choices.values()))[0])
            data.add_field("refusal_text", "负责人不在场，未能签字")
        else:
            data.add_field("signed_by", "负责人")
            data.add_field("signature", handwriting(name), filename="sign.png", content_type="image/png")
        async with self.http.post(f"{base}/close", data=data) as response:
            return PageReader(await response.text())

    # -- what is found on site ----------------------------------------------------------------------------

    def _answers(self, name: str, form: Form) -> list[tuple[str, Any]]:
        mood = chance("mood", name)
        fields: list[tuple[str, Any]] = [*form.fields.items(), ("action", "submit")]
        questions = [g for g in form.groups if not g.disabled]
        outcome = next((g for g in questions if g.key.startswith("visit:")), None)
        if mood < _UNABLE and outcome is not None:
            return fields + _bad(outcome, name, "R07")
        asked = [g for g in questions if g is not outcome and not g.key.startswith("item:")]
        worst = int(chance("which", name) * len(asked)) if mood < _UNABLE + _PROBLEM else -1
        for number, group in enumerate(asked):
            fields += _bad(group, name) if number == worst and group.bad else _good(group)
        if worst < 0 or not asked[worst].bad:  # nothing was found: say so
            fields += [field for g in questions if g.key.startswith("item:") for field in _good(g)]
        return fields

    async def _get(self, link: str) -> tuple[PageReader, str]:
        async with self.http.get(link) as response:
            page, url = PageReader(await response.text()), str(response.url)
        return (page, url) if not url.endswith("/device") else await self._prove(link, page, url)

    async def _prove(self, link: str, page: PageReader, url: str) -> tuple[PageReader, str]:
        """A phone that is new to the service: have the code sent to the chat, read it there, type it in."""
        if page.form("/device") is None:
            async with self.http.post(f"{url}/code") as response:
                page = PageReader(await response.text())
        code = await self._read_code(self.owners.get(URL(link).path, ""))
        if not code:
            return page, url
        async with self.http.post(url, data={"code": code}) as response:
            return PageReader(await response.text()), str(response.url)

    async def _read_code(self, where: str) -> str:
        """The newest code in this chat, as soon as it comes; empty when it does not come soon."""
        for _ in range(_LOOKS if where else 0):
            async with self.http.get(f"{self.chats}{where}/messages") as response:
                messages = await response.json()
            codes = [found[1] for m in messages if (found := _CODE.search(m["view"]["body"]))]
            if codes:
                return str(codes[-1])
            await asyncio.sleep(0.025)
        return ""


def _good(group: Group) -> list[tuple[str, Any]]:
    """The first answer that is not bad, and what else the question wants."""
    offered = group.choices.get(group.key, [])
    fields: list[tuple[str, Any]] = [(group.key, v) for v in offered if v not in group.bad][:1]
    for name, kind in group.inputs.items():
        if name.endswith(".reading"):
            fields.append((name, "2026-12-01" if kind == "date" else "4"))
    return fields


def _bad(group: Group, name: str, value: str = "") -> list[tuple[str, Any]]:
    fields: list[tuple[str, Any]] = [(group.key, value or group.bad[0])]
    for key, values in group.choices.items():
        if key.endswith(".verdict"):
            fields.append((key, values[0]))
    for key, kind in group.inputs.items():
        if key.endswith(".note"):
            fields.append((key, _NOTE))
        elif key.endswith(".reading"):
            fields.append((key, "2026-01-01" if kind == "date" else "12"))
    fields += [(key, picture(name + key)) for key in group.files[:1]]
    return fields


def handwriting(words: str) -> bytes:
    """A signature as a pad gives it: dark strokes on white, as PNG."""
    image = Image.new("RGB", (480, 200), "white")
    points = [(40 + 40 * n, 40 + int(120 * chance(words, str(n)))) for n in range(11)]
    ImageDraw.Draw(image).line(points, fill="black", width=5, joint="curve")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def picture(words: str) -> bytes:
    """A small JPEG that is different for different words."""
    shade = tuple(int(chance(words, c) * 255) for c in "rgb")
    image = Image.new("RGB", (320, 240), shade)
    image.paste(shade[::-1], (40, 40, 200, 160))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=70)
    return out.getvalue()
