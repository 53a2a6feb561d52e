"""What people do with their phones: read, press, say, send photos and places. Page and JSON API call this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from bot.simulator.acts import MessageView, NotDelivered, PlatformServer
from bot.simulator.markdown import one_line
from bot.simulator.people import SimMessage, SimPerson, World

PHOTO_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/heic", "image/heif")
GROUP = "群聊"


class CannotDo(Exception):  # noqa: N818 - it is what happened
    """The phone does not let one do this. ``status`` as in HTTP; the text is for people."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Row:
    """A line in the list of people; groups are listed too."""

    person: SimPerson
    unread: int
    last_at: float  # 0: nothing yet
    last: str


class Phones:
    """Everybody's phones."""

    def __init__(self, world: World, servers: Mapping[str, PlatformServer]) -> None:
        self.world = world
        self.servers = servers

    # -- reading ----------------------------------------------------------------------------------------

    def person(self, platform: str, user_id: str) -> SimPerson:
        """Return the person (or group) of this id, or raise CannotDo(404)."""
        if platform in self.servers:
            person = self.world.person(platform, user_id)
            if person is not None:
                return person
            if self.world.chat(platform, user_id):
                return _group(platform, user_id)
        raise CannotDo(404, "没有这个人。")

    def people(self) -> list[SimPerson]:
        return [p for p in self.world.people.values() if p.platform in self.servers]

    def unread(self, person: SimPerson) -> int:
        return sum(not m.mine and not m.read for m in self.world.chat(person.platform, person.user_id))

    def rows(self, query: str = "", show: str = "all") -> list[Row]:
        """The list: the newest talk first. ``show`` is all, unread or a platform's name."""
        words = query.lower().split()
        found = [self._row(p) for p in (*self.people(), *self._groups()) if _matches(p, words, show)]
        if show == "unread":
            found = [row for row in found if row.unread]
        return sorted(found, key=lambda row: -row.last_at)

    def messages(self, person: SimPerson, after: str = "") -> list[SimMessage]:
        """This person's chat, oldest first; ``after`` leaves out up to and with that message."""
        chat = self.world.chat(person.platform, person.user_id)
        if not after:
            return chat
        self._message(person, after)
        return chat[[m.id for m in chat].index(after) + 1 :]

    def view(self, message: SimMessage) -> MessageView:
        return self.servers[message.platform].view(message)

    def picture(self, view: MessageView) -> str:
        """The address of the bubble's picture on this server, or an empty string."""
        known = view.image in self.world.media
        return f"/media/{quote(view.image, safe='')}" if known else view.image

    # -- doing: each raises CannotDo, 502 when the service under test never acknowledged -------------------

    async def press(
        self, person: SimPerson, message_id: str, key: str, selected: Mapping[str, list[str]] | None = None
    ) -> None:
        message = self._message(person, message_id)
        view = self.view(message)
        if (
            view.closed
            or message.recalled
            or key not in {b.key for b in (*view.buttons, *view.menu) if b.key}
        ):
            raise CannotDo(409, "这条消息上没有这个按钮了。")
        asked = {choice.key for choice in view.choices}
        chosen = {question: options for question, options in (selected or {}).items() if question in asked}
        await self._deliver(person, "press", message_id, key, *([chosen] if chosen else []))

    async def say(self, person: SimPerson, text: str) -> None:
        if not text.strip():
            raise CannotDo(400, "请先写点什么。")
        await self._deliver(person, "say", text)

    async def send_photo(self, person: SimPerson, body: bytes, media_type: str) -> None:
        if media_type not in PHOTO_TYPES or not body:
            raise CannotDo(415, "请选一张照片（JPEG、PNG、WebP、GIF 或 HEIC）。")
        await self._deliver(person, "send_photo", body, media_type)

    async def send_place(self, person: SimPerson, latitude: float, longitude: float, label: str) -> None:
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise CannotDo(400, "经纬度不对。")
        await self._deliver(person, "send_place", latitude, longitude, label)

    async def open_chat(self, person: SimPerson) -> None:
        await self._deliver(person, "open_chat")

    def read_all(self, person: SimPerson, until: str = "") -> None:
        """Mark as read, up to and with message ``until`` if given: what came meanwhile stays unread."""
        if until:
            self._message(person, until)
        for message in self.world.chat(person.platform, person.user_id):
            if not message.mine and not message.read:
                self.world.change(message.id, read=True)
            if message.id == until:
                return

    async def _deliver(self, person: SimPerson, act: str, *args: object) -> None:
        if person.role == GROUP:
            raise CannotDo(409, "这是群聊，只能看。")
        try:
            await getattr(self.servers[person.platform], act)(person.user_id, *args)
        except NotDelivered as reason:
            raise CannotDo(502, str(reason) or "服务没有应答。") from reason

    def _message(self, person: SimPerson, message_id: str) -> SimMessage:
        for message in reversed(self.world.chat(person.platform, person.user_id)):
            if message.id == message_id:
                return message
        raise CannotDo(404, "没有这条消息。")

    def _groups(self) -> list[SimPerson]:
        return [
            _group(platform, chat)
            for platform, chat in self.world.chats
            if platform in self.servers and (platform, chat) not in self.world.people
        ]

    def _row(self, person: SimPerson) -> Row:
        chat = self.world.chat(person.platform, person.user_id)
        if not chat:
            return Row(person, 0, 0.0, "")
        view = self.view(chat[-1])
        text = view.title or (view.body if chat[-1].mine else one_line(view.body)) or "［图片］"
        last = "［已撤回］" if chat[-1].recalled else text
        return Row(person, self.unread(person), chat[-1].at, last[:40])


def _group(platform: str, chat: str) -> SimPerson:
    return SimPerson(platform, chat, name="工作群", role=GROUP, department=chat)


def _matches(person: SimPerson, words: list[str], show: str) -> bool:
    if show not in ("all", "unread", person.platform):
        return False
    text = f"{person.name} {person.user_id} {person.role} {person.department} {person.mobile}".lower()
    return all(word in text for word in words)
