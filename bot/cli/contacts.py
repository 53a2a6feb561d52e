"""``suicha contacts``: bring a chat service's directory into the people library."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from bot.core.errors import Problem

if TYPE_CHECKING:
    from sqlmodel import Session

    from bot.cli.context import CliContext
    from bot.inspection.people.directory import Change, Entry
    from bot.inspection.people.units import Place, UnitChange
    from bot.platforms.base import Platform

app = typer.Typer(help="通讯录：把企业微信、钉钉的成员对到人员库。", no_args_is_help=True)
_WORDS = {
    "bind": "按手机号绑定",
    "create": "新增人员",
    "change": "改姓名或手机",
    "back": "恢复账号",
    "leave": "停用账号（不在通讯录）",
    "unclear": "手机号重复或与名单同名，请人工核对（可用 suicha contacts code 发绑定码）",
}
_UNIT_WORDS = {
    "bind": "对上的部门",
    "create": "新增部门",
    "rename": "部门改名",
    "move": "部门换了上级",
    "back": "部门恢复",
    "gone": "部门已撤销（名下记录保留）",
}
_SHOWN = 20  # lines of each kind


@app.callback()
def contacts() -> None:
    """通讯录同步。"""


@app.command("sync")
def sync_(
    platform: Annotated[str, typer.Argument(help="dingtalk 或 wecom。")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看会改什么，不改动。")] = False,
    force: Annotated[bool, typer.Option("--force", help="少了很多人也照做。")] = False,
    look_up: Annotated[
        bool, typer.Option("--look-up", help="企业微信：用名单里的手机号查账号，每天次数有限。")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出。")] = False,
) -> None:
    """读取整个通讯录，绑定、新增、更新人员，停用离职账号；历史都保留。

    例：suicha contacts sync dingtalk --dry-run
    """
    from bot.cli.context import open_context
    from bot.inspection.people.directory import count
    from bot.inspection.people.units import count_units

    with open_context() as context:
        places, entries = asyncio.run(_read(context, platform, look_up=look_up and not dry_run))
        units, changes = _compared(context, platform, places, entries, dry_run=dry_run, force=force)
    if as_json:
        counted = {"read": len(entries), "dry_run": dry_run, **count(changes)}
        typer.echo(json.dumps({**counted, "departments": count_units(units)}))
        return
    read = f"通讯录 {len(places)} 个部门、{len(entries)} 人。"
    typer.echo(read + ("下面是会做的改动，还没有做：" if dry_run else "已完成："))
    _show([(change.act, change.place.name, change.place.unit_id) for change in units], _UNIT_WORDS)
    _show([(change.act, change.entry.name, change.entry.user_id) for change in changes], _WORDS)
    if not units and not changes:
        typer.echo("没有要改的。")
    if not dry_run:
        typer.echo("以后每天凌晨自动核对一次；少了太多人或部门时不改动，只提醒管理员。")


def _compared(
    context: CliContext,
    platform: str,
    places: list[Place],
    entries: list[Entry],
    *,
    dry_run: bool,
    force: bool,
) -> tuple[list[UnitChange], list[Change]]:
    """What changes, or what would."""
    from bot.inspection.people import syncing
    from bot.inspection.people.reconciling import bring_in
    from bot.inspection.people.unit_syncing import preview_units

    if dry_run:
        units = context.db.read_now(preview_units, platform=platform, places=places)
        return units, context.db.read_now(syncing.preview, platform=platform, entries=entries)
    now = context.clock.now()
    return context.db.write_now(
        bring_in, platform=platform, places=places, entries=entries, now=now, force=force
    )


@app.command()
def code(
    person: Annotated[str, typer.Argument(metavar="人员编号", help="人员名单里的编号。")],
) -> None:
    """给一个人发一次性绑定码：他在聊天里回复“绑定 绑定码”就绑上了。

    例：suicha contacts code ZF0017
    """
    from bot.cli.context import open_context
    from bot.inspection.people.service import issue_bind_code

    with open_context() as context:
        person_id, name = context.db.read_now(_person, person)
        made = context.db.write_now(issue_bind_code, person_id=person_id, now=context.clock.now())
    typer.echo(f"{name}的绑定码：{made}（一次有效）。请本人在聊天里回复：绑定 {made}")


@app.command()
def robot(
    person: Annotated[str, typer.Argument(metavar="联络员编号", help="企业联络员名单里的编号。")],
    url: Annotated[str, typer.Argument(metavar="地址", help="企业在自己群里添加的机器人的 Webhook 地址。")],
) -> None:
    """记下企业自己群里的机器人：给这位联络员的通知会发到那个群。

    例：suicha contacts robot QY0031 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…'
    """
    from bot.cli.context import open_context
    from bot.core.public_hosts import check_address
    from bot.core.seal import Seal
    from bot.inspection.people.robots import set_robot

    with open_context() as context:
        wecom = next(iter(context.settings.wecoms.values()), None)
        if wecom is None:
            raise Problem("platform_unknown", "没有设置企业微信。")
        check_address(url, wecom.enterprise_robot_hosts)
        seal = Seal(context.settings.secret("secret_key"), "robots of enterprises")
        name = context.db.write_now(set_robot, code=person, url=url, seal=seal, now=context.clock.now())
    typer.echo(f"已记下，给{name}的通知会发到那个群。")


def _person(session: Session, code: str) -> tuple[int, str]:
    from sqlmodel import select

    from bot.inspection.people.models import Person

    row = session.exec(select(Person).where(Person.code == code)).one_or_none()
    if row is None:
        raise Problem("person_unknown", f"没有编号为 {code} 的人员。")
    return row.id or 0, row.name


async def _read(context: CliContext, name: str, *, look_up: bool) -> tuple[list[Place], list[Entry]]:
    """The directory of the service. Raise ``Problem`` with the setting or the button that is missing."""
    import aiohttp

    from bot.app import trusted
    from bot.cli.doctor_platforms import make_platforms
    from bot.messaging.directories import entry_of, place_of
    from bot.platforms.base import PlatformError
    from bot.platforms.directory import Directory

    connector = aiohttp.TCPConnector(ssl=trusted(context.settings))
    async with aiohttp.ClientSession(connector=connector) as http:
        platforms = {one.name: one for make in make_platforms(context.settings, http) for one in (make(),)}
        platform = platforms.get(name)
        if platform is None:
            known = "、".join(platforms) or "无"
            raise Problem("platform_unknown", "没有设置这个平台。", 平台=name, 已设置=known)
        if not isinstance(platform, Directory):
            raise Problem("no_directory", "这个平台读不了通讯录。", 平台=name)
        try:
            places = [place_of(unit) for unit in await platform.units()]
            entries = [entry_of(member) for member in await platform.members()]
            return places, await _with_numbers(context, platform, entries) if look_up else entries
        except PlatformError as error:
            raise Problem(
                "directory_unread", error.advice or "通讯录没有读成，请稍后再试。", 错误码=error.code
            ) from None
        finally:
            await platform.close()


async def _with_numbers(context: CliContext, platform: Platform, entries: list[Entry]) -> list[Entry]:
    """The entries with the numbers of our lists that the service says are theirs, as many as today allows."""
    from bot.inspection.people.lookups import may_look_up, note_look_up
    from bot.platforms.wecom.app import WeComPlatform
    from bot.platforms.wecom.both import AppAndBot

    if not isinstance(platform, WeComPlatform | AppAndBot):
        return entries
    now, found = context.clock.now(), dict[str, str]()
    a_day = context.settings.wecoms[platform.name].lookups_a_day
    for number in context.db.write_now(may_look_up, platform=platform.name, a_day=a_day, now=now):
        user_id = await platform.user_of_mobile(number)
        context.db.write_now(note_look_up, number, platform=platform.name, found=bool(user_id), now=now)
        found[user_id] = number
    return [replace(entry, mobile=found.get(entry.user_id, entry.mobile)) for entry in entries]


def _show(changes: list[tuple[str, str, str]], words: dict[str, str]) -> None:
    """By what is done: how many, and the first of them by name and number."""
    for act, label in words.items():
        some = [(name, key) for found, name, key in changes if found == act]
        if not some:
            continue
        typer.echo(f"{label}：{len(some)}")
        for name, key in some[:_SHOWN]:
            typer.echo(f"  {name or '—'}（{key}）")
        if len(some) > _SHOWN:
            typer.echo(f"  …还有 {len(some) - _SHOWN} 个")
