"""``suicha console-link``: a way into the console when no chat is at hand."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import TYPE_CHECKING, Annotated

import typer

from bot.core.errors import Problem

if TYPE_CHECKING:
    from sqlmodel import Session

    from bot.core.config import Settings


def console_link(
    person_code: Annotated[str, typer.Argument(help="人员编号；不写则取第一位统筹人员。")] = "",
) -> None:
    """生成进入管理页面的一次性链接（30 分钟内有效，只能用一次）。

    例：suicha console-link P001
    """
    from bot.cli.context import open_context

    with open_context() as context:
        address = context.db.write_now(
            make_link, settings=context.settings, now=context.clock.now(), person_code=person_code
        )
    typer.echo(address)


def make_link(session: Session, *, settings: Settings, now: dt.datetime, person_code: str = "") -> str:
    """A signed address for a coordinator or lead; making it is noted. Raises ``not_found``, ``forbidden``."""
    from bot.core.links import Links
    from bot.inspection.audit.service import record
    from bot.inspection.people.console_logins import viewer

    person_id = _person(session, person_code)
    if viewer(session, person_id=person_id) is None:
        raise Problem("forbidden", "只有在职的统筹人员和部门负责人可以进入管理页面。", 人员=person_code)
    record(session, "console.link_made", f"person:{person_id}", now=now)
    links = Links(settings.public_url, settings.secret("secret_key"))
    return f"{links.base}/console/{links.sign('console', [person_id, secrets.token_urlsafe(8)], at=now)}"


def _person(session: Session, code: str) -> int:
    from sqlmodel import col, select

    from bot.inspection.people.models import Person, PersonRole, Role

    query = select(Person.id).where(Person.code == code)
    if not code:
        query = (
            select(Person.id)
            .join(PersonRole, col(PersonRole.person_id) == Person.id)
            .where(PersonRole.role == Role.COORDINATOR, col(Person.active))
            .order_by(col(Person.id))
        )
    found = session.exec(query).first()
    if found is None and code:
        raise Problem("not_found", "没有这个人员。", 人员=code)
    if found is None:
        raise Problem("not_found", "还没有统筹人员，请先导入人员名录。")
    return found
