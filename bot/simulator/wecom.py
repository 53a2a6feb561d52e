"""The simulated WeCom: one self-built app of one corp, its members' phones and one group robot."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from aiohttp import web

from bot.core.coordinates import to_gcj02
from bot.simulator.acts import MessageView, NotDelivered, SimButton
from bot.simulator.faults import FaultPlan
from bot.simulator.people import SimMessage, SimPerson, World
from bot.simulator.wecom_api import Api
from bot.simulator.wecom_bot import BotServer
from bot.simulator.wecom_bot_state import BotAccount
from bot.simulator.wecom_callbacks import Callbacks, card_of_reply, selected_items
from bot.simulator.wecom_cards import card_view, chosen_at_first, in_menu, keys, news_view
from bot.simulator.wecom_directory import DirectoryApi
from bot.simulator.wecom_downstream import Downstream
from bot.simulator.wecom_files import Files
from bot.simulator.wecom_state import Account, Ledger
from bot.simulator.wecom_trouble import trouble

_CALLED = re.compile(r"<@([\w.@-]+)>")


class WeComServer:
    """Implements ``PlatformServer``. ``resend_after``: seconds until a callback is pushed again."""

    name = "wecom"

    def __init__(
        self,
        world: World,
        faults: FaultPlan,
        *,
        corp_id: str,
        agent_id: int,
        secret: str,
        token: str,
        aes_key: str,
        callback_url: str,
        robot_key: str = "",
        bot: BotAccount | None = None,
        resend_after: float = 5.0,
        base_url: str = "http://127.0.0.1/wecom",
    ) -> None:
        account = Account(
            corp_id=corp_id, agent_id=agent_id, secret=secret, token=token, aes_key=aes_key,
            callback_url=callback_url, robot_key=robot_key,
        )  # fmt: skip
        self._world = world
        self._faults = faults
        self._account = account
        self._base_url = base_url
        self._ledger = Ledger(world)
        self._downstream = Downstream(world, self._ledger)
        self._api = Api(world, self._ledger, account, self._downstream)
        self.directory = DirectoryApi(world, self._ledger, account)
        self._files = Files(world, self._ledger, account)
        self._callbacks = Callbacks(world, faults, account, resend_after=resend_after)
        self.bot = (
            BotServer(world, faults, self._ledger, bot, base_url=base_url, patience=resend_after)
            if bot
            else None
        )

    def app(self) -> web.Application:
        app = web.Application(
            middlewares=[trouble(self._world, self._faults, self._ledger)], client_max_size=21 << 20
        )
        app.add_routes([*self._api.routes(), *self._files.routes(), *self._downstream.routes()])
        app.add_routes(self.directory.routes())
        if self.bot is not None:
            app.add_routes(self.bot.routes())
        return app

    async def close(self) -> None:
        await self._callbacks.close()
        if self.bot is not None:
            await self.bot.close()

    @property
    def is_connected(self) -> bool:
        """Whether the smart bot's socket is subscribed."""
        return self.bot is not None and self.bot.subscribed.is_set()

    @property
    def _talking(self) -> BotServer | None:
        """Whom people talk to where there is no app: the bot."""
        return None if self._account.callback_url else self.bot

    async def verify_callback(self) -> None:
        """Verify the callback URL as the console does on saving. Raise NotDelivered."""
        await self._callbacks.verify()

    # -- what a phone shows ----------------------------------------------------------------------------

    def view(self, message: SimMessage) -> MessageView:
        content = message.content
        match content.get("msgtype", message.kind):
            case "template_card":
                return card_view(message)
            case "textcard":
                words = re.sub(r"<[^>]+>", "", content["description"].replace("<br>", "\n"))
                more = SimButton(content.get("btntxt", "详情"), url=content["url"])
                return MessageView(title=content["title"], body=words, buttons=(more,))
            case "news":
                return news_view(content)
            case "image":
                return MessageView(title="", body="", image=content.get("media_id", ""))
            case "file" | "voice" | "video":
                link = f"/wecom/media/{content['media_id']}"
                name = self._world.media.get(content["media_id"], (b"", "", "文件"))[2]
                return MessageView(title="", body=name, buttons=(SimButton("下载", url=link),))
            case _:
                return MessageView(title="", body=self._words(content), tables=message.kind == "markdown_v2")

    def _words(self, content: dict[str, Any]) -> str:
        """Text or Markdown with the people it calls by their names."""
        body = _CALLED.sub(lambda m: f"@{self._name(m[1])}", str(content.get("content", "")))
        called = [*content.get("mentioned_list", ()), *content.get("mentioned_mobile_list", ())]
        return " ".join([body, *(f"@{self._name(user)}" for user in called)])

    def _name(self, user_id: str) -> str:
        person = self._world.person("wecom", user_id)
        return "所有人" if user_id == "@all" else person.name if person else user_id

    # -- what a person does ----------------------------------------------------------------------------

    async def press(
        self, user_id: str, message_id: str, key: str, selected: Mapping[str, list[str]] | None = None
    ) -> None:
        """Press a button or an entry of the menu, with what is *selected* by question.

        The card changes only if the service answers with an update or calls one.
        """
        person = self._person(user_id)
        card = self._world.messages.get(message_id)
        if card is None or card not in self._chat(person) or card.closed or key not in keys(card.content):
            raise NotDelivered("这条消息上没有可按的这个按钮")
        self._world.change(message_id, pressed=[*card.pressed, key])
        if self.bot is not None and card.content.get("by") == "bot":
            chosen = {**chosen_at_first(card.content), **(selected or {})}
            await self.bot.press(person.user_id, card, key, chosen)
            return
        menu = in_menu(card.content, key)
        await self._push(
            person,
            MsgType="event",
            Event="template_card_menu_event" if menu else "template_card_event",
            EventKey=key,
            TaskId=card.card_id,
            CardType=card.content["card_type"],
            ResponseCode=self._ledger.new_code(card.card_id),
            **({} if menu else selected_items({**chosen_at_first(card.content), **(selected or {})})),
        )

    async def say(self, user_id: str, text: str) -> None:
        person = self._person(user_id)
        if self._talking is not None:
            await self._talking.say(person.user_id, text)
            return
        self._show(person, "text", {"content": text}, mine=True)
        await self._message(person, MsgType="text", Content=text)

    async def send_photo(self, user_id: str, body: bytes, media_type: str) -> None:
        person = self._person(user_id)
        if self._talking is not None:
            await self._talking.send_photo(person.user_id, body, media_type)
            return
        media_id = self._ledger.add_media(body, media_type, f"photo.{media_type.rpartition('/')[2]}")
        self._show(person, "image", {"media_id": media_id}, mine=True)
        await self._message(
            person, MsgType="image", MediaId=media_id, PicUrl=f"{self._base_url}/media/{media_id}"
        )

    async def send_place(self, user_id: str, latitude: float, longitude: float, label: str) -> None:
        person = self._person(user_id)
        if self._talking is not None:
            raise NotDelivered("智能机器人收不到位置，请打开页面")
        self._show(person, "text", {"content": f"[位置] {label}"}, mine=True)
        x, y = to_gcj02(
            (latitude, longitude)
        )  # the phone knows where it is, the map it chooses on is Tencent's
        await self._message(
            person, MsgType="location", Location_X=f"{x:.6f}", Location_Y=f"{y:.6f}", Scale="16",
            Label=label, AppType="wxwork",
        )  # fmt: skip

    async def open_chat(self, user_id: str) -> None:
        person = self._person(user_id)
        if self._talking is not None:
            await self._talking.open_chat(person.user_id)
            return
        await self._push(person, MsgType="event", Event="enter_agent", EventKey="")

    async def click_menu(self, user_id: str, key: str) -> None:
        """Press an entry of the app's menu."""
        await self._push(self._person(user_id), MsgType="event", Event="click", EventKey=key)

    async def change_contact(self, change: str, **fields: str) -> None:
        """The administrator changed the contacts: ``create_user``, ``update_user``, ``delete_party`` …"""
        common = {"ToUserName": self._account.corp_id, "FromUserName": "sys", "AgentID": ""}
        common |= {"CreateTime": str(int(self._world.now())), "MsgType": "event", "Event": "change_contact"}
        await self._callbacks.push(common | {"ChangeType": change} | fields)

    # -- how -------------------------------------------------------------------------------------------

    def _person(self, user_id: str) -> SimPerson:
        person = self._world.person("wecom", user_id)
        if person is None:
            raise NotDelivered("企业微信里没有这个人")
        return person

    def _chat(self, person: SimPerson) -> list[SimMessage]:
        return self._world.chat("wecom", person.user_id)

    def _show(self, person: SimPerson, kind: str, content: dict[str, Any], *, mine: bool) -> None:
        self._world.post("wecom", person.user_id, kind, content, mine=mine)

    async def _message(self, person: SimPerson, **fields: str) -> None:
        msgid = str(secrets.randbits(62) | 1 << 62)  # above 2^53: a float would lose digits
        await self._push(person, **fields, MsgId=msgid)

    async def _push(self, person: SimPerson, **fields: Any) -> None:
        """Push what the person did and show what the service answered passively."""
        common = {"ToUserName": self._account.corp_id, "FromUserName": person.user_id}
        common |= {"CreateTime": str(int(self._world.now())), "AgentID": str(self._account.agent_id)}
        reply = await self._callbacks.push(common | fields)
        if reply is not None:
            self._apply(person, reply, fields.get("TaskId", ""))

    def _apply(self, person: SimPerson, reply: ET.Element, task_id: str) -> None:
        """Show a passive reply: a text, or a change of the card that was pressed, for this person only."""
        kind = reply.findtext("MsgType", "")
        template = reply.find("TemplateCard")
        if kind == "text":
            self._show(person, "text", {"content": reply.findtext("Content", "")}, mine=False)
        elif kind == "update_button":
            closed = reply.findtext("Button/ReplaceName", "")
            self._api.change_card(person.user_id, task_id, None, closed=closed)
        elif kind == "update_template_card" and template is not None:
            card = card_of_reply(template)
            self._api.change_card(person.user_id, task_id, card, closed=card.get("replace_text", ""))
