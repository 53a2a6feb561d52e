"""The people of the demo: each reads a phone and acts as a person can – presses, types, opens a page. What somebody
does follows from who they are and what they read (by a hash), so faults and restarts change nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import aiohttp

from bot.cli.demo_chance import chance
from bot.cli.demo_chat import Chatter, prefers_chat
from bot.cli.demo_officer import FormFiller

_PARALLEL = 12
Person = dict[str, Any]
Message = dict[str, Any]
Act = Callable[["Crowd", Person, str, Message], Awaitable[str]]  # what was done, empty for nothing
_FOLLOWED = ("随机抽取", "请见证抽取")
_REASONS = ("被检查单位负责人是本人近亲属", "曾在该单位任职", "与该单位有利害关系")


@dataclass(slots=True)
class Crowd:
    """Everybody with a phone. ``act`` lets each answer what is new; it returns how many did something."""

    base: str  # of the simulator
    http: aiohttp.ClientSession
    filler: FormFiller
    chatter: Chatter
    now: Callable[[], float]  # simulated time
    lottery_at: float = 0.0  # simulated time from which the lottery's number is out
    seen: dict[str, str] = field(default_factory=dict)  # person -> last message read
    did: Counter[str] = field(default_factory=Counter)
    read_to: dict[str, str] = field(default_factory=dict)  # chat -> the last message looked at
    correcting: set[str] = field(default_factory=set)
    again: bool = False  # after a restart: look at everything once more, read or not
    following: set[str] = field(
        default_factory=set
    )  # chats with a draw's card open: it changes while one looks

    async def act(self) -> int:
        people = await self._get("/people")
        again, self.again = self.again, False
        gate = asyncio.Semaphore(_PARALLEL)

        async def one(person: dict[str, Any]) -> int:
            async with gate:
                return await self._read_and_act(person, again=again)

        return sum(
            await asyncio.gather(
                *(one(p) for p in people if p["unread"] or again or _chat(p) in self.following)
            )
        )

    async def work(self) -> int:
        """Officers on site fill their checklists, on the page or in chat."""
        return await self.filler.work(self.now()) + await self.chatter.work(self.now())

    async def _read_and_act(self, person: dict[str, Any], *, again: bool) -> int:
        where = _chat(person)
        follows = where in self.following
        after = "" if again or follows else self.read_to.get(where, "")
        messages = await self._get(f"{where}/messages?after={after}")
        if messages:
            self.read_to[where] = messages[-1]["id"]  # what comes in between stays unread
            await self._post(f"{where}/read", {"until": messages[-1]["id"]})
        done = 0
        for message in messages:
            fresh = again or not message["read"] or (follows and _title(message) in _FOLLOWED)
            if not message["mine"] and fresh:
                done += await self._answer(person, where, message)
        return done

    async def _answer(self, person: Person, where: str, message: Message) -> int:
        handler = self._HANDLERS.get(_title(message))
        if _title(message) in _FOLLOWED and not message["view"]["closed"]:
            self.following.add(where)
        if handler is None or message["view"]["closed"]:
            return 0
        what = await handler(self, person, where, message)
        if what:
            self.did[what] += 1
        return 1 if what else 0

    # -- officers -----------------------------------------------------------------------------------------

    async def _assignment(self, person: Person, where: str, message: Message) -> str:
        mood = chance("assignment", person["user_id"], _object_of(message))
        asked = f"recusal:{person['user_id']}:{_object_of(message)}"
        if mood < 0.04 and asked not in self.seen:
            self.seen[asked] = message["id"]
            return await self._recuse(person, where, message)
        if 0.04 <= mood < 0.16:
            return ""  # the phone stays in the pocket; a reminder will come
        return await self._press(where, message, "收到")

    async def _recuse(self, person: Person, where: str, message: Message) -> str:
        if await self._press(where, message, "申请回避"):
            reason = _REASONS[int(chance("why", person["user_id"]) * len(_REASONS))]
            await self._post(f"{where}/say", {"text": reason})
            return "申请回避"
        return ""

    async def _reminder(self, person: Person, where: str, message: Message) -> str:
        if chance("reminder", person["user_id"], _object_of(message)) < 0.3:
            stubborn = f"{person['user_id']}:{_object_of(message)}"
            if stubborn not in self.seen:
                self.seen[stubborn] = message["id"]
                return ""  # only the lead's own reminder helps
        return await self._press(where, message, "收到")

    async def _visit_day(self, person: Person, where: str, message: Message) -> str:
        did = await self._press(where, message, "到场签到")
        link = _link(message)
        name = _object_of(message)
        if link and self.filler.is_mine(person, message):
            if prefers_chat(name):
                self.chatter.arrive(name, person, where, message["id"], now=self.now())
            else:
                self.filler.arrive(name, link, where, now=self.now())
        return did

    async def _to_sign(self, person: Person, where: str, message: Message) -> str:
        """One officer in forty sees it otherwise and says so."""
        if chance("objects", person["user_id"], _object_of(message)) < 0.025:
            return await self._press_and_say(
                where, message, "有不同意见", "现场情况与记录第一项不完全一致，其余无异议"
            )
        return await self._press(where, message, "核对无误，签名")

    async def _returned(self, _person: Person, where: str, message: Message) -> str:
        link, name = _link(message), _object_of(message) or message["view"]["body"]
        if not link or name in self.correcting:
            return ""  # the lead only reads it, and one of two officers is enough
        self.correcting.add(name)
        await self.filler.correct(name, link, where)
        self.correcting.discard(name)
        return "改正后重新提交"

    # -- leads, reviewers, enterprises ----------------------------------------------------------------------

    async def _recusal_request(self, _person: Person, where: str, message: Message) -> str:
        deny = chance("recusal", message["view"]["body"]) < 0.15
        return await self._press(where, message, "不同意" if deny else "同意并重新抽取")

    async def _overdue(self, _person: Person, where: str, message: Message) -> str:
        return await self._press(where, message, "催办全部")

    async def _review(self, _person: Person, where: str, message: Message) -> str:
        name = _object_of(message) or message["view"]["body"]
        key = f"returned:{name}"
        if chance("review", name) < 0.1 and key not in self.seen:
            self.seen[key] = message["id"]
            if await self._press(where, message, "退回"):
                await self._post(f"{where}/say", {"text": "情况说明不够清楚，请补充"})
                return "退回"
        return await self._press(where, message, "通过")

    async def _read_notice(self, person: Person, where: str, message: Message) -> str:
        if chance("enterprise", person["user_id"]) < 0.2:
            return ""
        return await self._press(where, message, "已阅")

    async def _opened(self, _person: Person, where: str, message: Message) -> str:
        if ("现状", "待处理") not in map(tuple, message["view"]["facts"]):
            return ""  # somebody has decided already; the button stays for what comes later
        return await self._press_and_say(where, message, "登记处理", "责令改正 10日内改正并报告")

    async def _order(self, _person: Person, where: str, message: Message) -> str:
        return await self._press_and_say(where, message, "已整改", "已按要求整改完毕，现场照片留存备查")

    async def _recheck(self, _person: Person, where: str, message: Message) -> str:
        return await self._press(where, message, "复查合格")

    async def _on_paper(self, _person: Person, where: str, message: Message) -> str:
        return await self._press_and_say(where, message, "复查合格", "已书面送达，现场复查，问题已改正")

    # -- the draw -------------------------------------------------------------------------------------------

    async def _ceremony(self, _person: Person, where: str, message: Message) -> str:
        for words in ("公布承诺", "揭示种子", "锁定名单"):
            if await self._press(where, message, words):
                return words
        return ""

    async def _witness(self, person: Person, where: str, message: Message) -> str:
        """The two agree who reads the number out; the other compares."""
        source = next((v for k, v in message["view"]["facts"] if k == "来源"), "")
        if any(b["text"] == "一致，确认" for b in message["view"]["buttons"]):
            return await self._press(where, message, "一致，确认")
        if "福利彩票" in source and self.now() < self.lottery_at:
            return ""  # its number is not out yet
        speaker = self.seen.setdefault(f"speaker:{source}", str(person["user_id"]))
        if speaker != person["user_id"] or not await self._press(where, message, "报出号码"):
            return ""
        number = int(chance("lots", source) * 10**6)
        await self._post(
            f"{where}/say", {"text": f"{number:06d}" if "6 位" in source else f"{number % 1000:03d}"}
        )
        return "见证抽取"

    async def _press_and_say(self, where: str, message: Message, words: str, said: str) -> str:
        if await self._press(where, message, words):
            await self._post(f"{where}/say", {"text": said})
            return words
        return ""

    _HANDLERS: ClassVar[dict[str, Act]] = {
        "随机抽取": _ceremony, "请见证抽取": _witness,
        "新的检查任务": _assignment, "请答复检查任务": _reminder, "今天的检查": _visit_day, "回避申请待决定": _recusal_request,
        "有人未接收任务": _overdue, "行政检查通知书": _read_notice, "检查结果待审核": _review, "检查结果被退回": _returned,
        "请核对检查记录表并签名": _to_sign,
        "发现问题待处理": _opened, "责令改正": _order, "企业报告已整改": _recheck, "请送达责令改正": _on_paper,
    }  # fmt: skip

    # -- fingers --------------------------------------------------------------------------------------------

    async def _press(self, where: str, message: dict[str, Any], words: str) -> str:
        """Press the button with these words; pressing again when the service never answered is what people do."""
        for button in message["view"]["buttons"]:
            if button["text"] != words:
                continue
            if button["key"]:
                for _ in range(3):
                    answer = await self._post(
                        f"{where}/press", {"message": message["id"], "key": button["key"]}
                    )
                    if answer.get("ok"):
                        return words
            elif button["url"]:
                await self.filler.confirm(button["url"], where)
                return words
        return ""

    async def _get(self, path: str) -> Any:
        async with self.http.get(self.base + path) as response:
            return await response.json()

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self.http.post(self.base + path, json=body) as response:
            answer: dict[str, Any] = await response.json()
            return answer


def _chat(person: Person) -> str:
    return f"/people/{person['platform']}/{person['user_id']}"


def _title(message: Message) -> str:
    return str(message["view"]["title"]).strip()


def _object_of(message: dict[str, Any]) -> str:
    return next((v for k, v in message["view"]["facts"] if k == "检查对象"), "")


def _link(message: dict[str, Any]) -> str:
    return next((b["url"] for b in message["view"]["buttons"] if b["url"]), "")
