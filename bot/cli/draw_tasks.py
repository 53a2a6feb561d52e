"""What the draw's commands are given: tasks, people, sources; and the folder they write."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import yaml
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.draws.bundle import PRIVATE, bundle
from bot.inspection.draws.certificate import certificate_of
from bot.inspection.draws.models import Draw
from bot.inspection.draws.queries import live_draw, stored_files
from bot.inspection.people.models import Person
from bot.inspection.plans.models import Plan, PlanLine
from bot.inspection.tasks.models import Mode, Task

_MOST = 1 << 16


def task_id(session: Session, name: str) -> int:
    """Row id of the task called by its number, or of the task that a plan line has."""
    query = select(Task.id).where(Task.number == name)
    if "/" in name:
        plan, _, line = name.rpartition("/")
        number = int(line) if line.isdecimal() and len(line) < 10 else 0
        query = (
            select(Task.id)
            .join(PlanLine, col(PlanLine.id) == Task.plan_line_id)
            .join(Plan, col(Plan.id) == PlanLine.plan_id)
            .where(Plan.code == plan, PlanLine.number == number, Task.source != "LICENSING")
            .order_by(col(Plan.version).desc())
        )
    found = session.exec(query).first()
    if found is None:
        raise Problem("not_found", "没有这个任务。", 任务=name)
    return found


def person_id(session: Session, code: str) -> int | None:
    """Row id of the active person of this code; None for no code."""
    if not code:
        return None
    found = session.exec(select(Person.id).where(Person.code == code, col(Person.active))).first()
    if found is None:
        raise Problem("person_unknown", "没有这个人员。", 人员编号=code)
    return found


def require_person(session: Session, code: str) -> int:
    found = person_id(session, code)
    if found is None:
        raise Problem("person_missing", "请用 --by 写明由谁操作。")
    return found


def read_mode(word: str) -> Mode | None:
    if word and word not in set(Mode):
        raise Problem("mode_unknown", "抽取方式只能是 BOTH、OBJECT_ONLY 或 PERSON_ONLY。", 方式=word)
    return Mode(word) if word else None


def read_sources(file: Path | None) -> list[Any]:
    """The list of sources in the file; none without a file."""
    if file is None:
        return []
    try:
        text = file.read_text(encoding="utf-8-sig")
        given = yaml.safe_load(text) if len(text) <= _MOST else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise Problem(
            "source_invalid", "读不懂来源文件，应是 UTF-8 的 YAML 或 JSON。", 文件=file.name
        ) from None
    if not isinstance(given, list):
        raise Problem("source_invalid", "来源文件应是一个列表，每项一个来源。", 文件=file.name)
    return [_plain(one) for one in given]


def _plain(value: Any) -> Any:
    """YAML reads moments as such; the commitment holds text."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value.isoformat() if isinstance(value, dt.datetime | dt.date) else value


def bundle_files(
    session: Session, *, task: str, number: int, public_url: str, sealed: bool
) -> dict[str, bytes]:
    """Every public file of one round, and the certificate; with *sealed* the files that only an auditor may see."""
    key = task_id(session, task)
    draw = live_draw(session, key)
    if number:
        draw = session.exec(select(Draw).where(Draw.task_id == key, Draw.round == number)).first()
    if draw is None:
        raise Problem("not_committed", "这个任务还没有这一轮抽取。", 任务=task)
    files = bundle(session, draw) | (stored_files(session, draw, PRIVATE) if sealed else {})
    return files | {"certificate.pdf": certificate_of(session, draw, public_url=public_url, names=True)}
