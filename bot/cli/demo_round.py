"""The round itself: two working weeks, step by step, with live progress."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import aiohttp
import yaml
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import func
from sqlmodel import Session, select

from bot.cli.context import MACHINE, Machine
from bot.cli.demo_account import Report, account
from bot.cli.demo_chat import Chatter
from bot.cli.demo_data import YEAR, DemoData, write_demo_files
from bot.cli.demo_officer import FormFiller
from bot.cli.demo_people import Crowd
from bot.cli.demo_screen import progress_on, show, stay
from bot.cli.demo_stage import START, Stage
from bot.cli.serve import bind
from bot.core.clock import CHINA, china
from bot.core.db import open_database
from bot.core.errors import Problem
from bot.core.secret import SOURCE
from bot.inspection.calendar import WorkCalendar
from bot.inspection.draws.models import Draw, DrawState
from bot.inspection.tasks.models import Visit, VisitState

PLAN = f"YX-{YEAR}"
TASKS = 3
_HOURS = ((9, 0), (10, 30), (14, 0), (15, 30), (17, 30))
LOTTERY = dt.timedelta(minutes=20)  # so long after the start its number is known
_DAYS = 12  # working days: two weeks, and two more for what was returned late


@dataclass(frozen=True, slots=True)
class DemoOptions:
    folder: Path
    database_url: str
    percent: float
    port: int
    sim_port: int
    objects: int
    once: bool
    quiet: bool = False
    by_bot: bool = False  # WeCom through a smart bot's socket


async def play(options: DemoOptions) -> Report:
    """Play (or go on with) the round and return its account; without ``once`` stay until interrupted."""
    console = Console(stderr=True, quiet=options.quiet)
    began = time.monotonic()
    for port in (options.port, options.sim_port):  # somebody else's demo must not lose its folder to this one
        bind("127.0.0.1", port).close()
    if (options.folder / "finished").exists():
        shutil.rmtree(options.folder)
    stage = Stage(
        options.folder, database_url=options.database_url, percent=options.percent, port=options.port,
        sim_port=options.sim_port, by_bot=options.by_bot,
    )  # fmt: skip
    MACHINE.set(Machine(stage.clock))
    SOURCE.bring(lambda: sha256(b"suicha demo").digest())
    with progress_on(console) as progress:
        office = Office(stage, options, progress)
        try:
            await office.open()
            await office.run()
            report = await stage.service.db.read(account, stage.world)
            (options.folder / "finished").touch()
            progress.stop()
            show(console, report, stage, time.monotonic() - began)
            for name, page in office.stuck.items():
                console.print(f"[yellow]没有填完：{name}：{page}")
            if not options.once:
                await stay(console, stage)
        finally:
            await stage.stop()
    return report


class Office:
    """The coordinator's desk: sheets come in, the plan is published, lots are drawn; then the days pass."""

    def __init__(self, stage: Stage, options: DemoOptions, progress: Progress) -> None:
        self.stage, self.options, self.progress = stage, options, progress
        self.calendar = WorkCalendar.load()

    async def open(self) -> None:
        step = self.progress.add_task("准备数据和服务", total=3)
        self.data = await asyncio.to_thread(
            write_demo_files, self.options.folder / "sheets", objects=self.options.objects
        )
        self.progress.advance(step)
        await self._type("migrate")
        self.progress.advance(step)
        if self.stage.fresh:
            await self._require_empty()
            for person in self.data.phones:
                self.stage.world.add_person(person)
            self.stage.world.remember("begun", True)
        await self.stage.start()
        self.progress.advance(step)

    async def _require_empty(self) -> None:
        """A round begins on an empty database; somebody's real one is never played on."""
        if await asyncio.to_thread(_has_tasks, self.stage.settings.database_url):
            raise Problem(
                "database_not_empty", "演示只在空的数据库上开始，请换一个空库。", 设置="--database-url"
            )

    async def run(self) -> None:
        await self._import(self.data)
        await self._prepare()
        base = self.stage.simulator.base_url
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            crowd = Crowd(
                base,
                http,
                FormFiller(http, self.stage.settings.public_url, base),
                Chatter(base, http),
                self.stage.world.now,
                again=True,
            )
            crowd.lottery_at = (START + LOTTERY).timestamp()
            await self._draw(crowd)
            await self._days(crowd)
            self.stuck = crowd.filler.stuck

    async def _import(self, data: DemoData) -> None:
        files = (
            ("departments", data.departments), ("items", data.items), ("objects", data.objects),
            ("objects", data.objects_sheet), ("officers", data.officers), ("people", data.people),
            ("contacts", data.contacts), ("trainings", data.trainings),
        )  # fmt: skip
        step = self.progress.add_task("导入名录库", total=len(files))
        for kind, path in files:
            await self._once(f"import:{path.name}", "import", kind, str(path))
            self.progress.advance(step)

    async def _prepare(self) -> None:
        """The plan is published; each draw gets its sources, its witnesses, and a reason for what is not ready."""
        step = self.progress.add_task("计划和准备", total=4 + 2 * TASKS)
        for words in (("import", str(self.data.plan)), ("approve", PLAN), ("publish", PLAN)):
            await self._once(f"plan:{words[0]}", "plan", *words)
            self.progress.advance(step)
        await self._once("draw:prepare", "draw", "prepare", PLAN)
        self.progress.advance(step)
        for line, sources in enumerate(draw_sources(), 1):
            file = self.options.folder / "sheets" / f"sources-{line}.yaml"
            file.write_text(yaml.safe_dump(sources, allow_unicode=True), encoding="utf-8")
            witnesses = [word for code in self.data.witnesses for word in ("--witness", code)]
            given = (str(file), *witnesses) if sources else ()
            await self._once(f"draw:sources:{line}", "draw", "sources", f"{PLAN}/{line}", *given)
            self.progress.advance(step)
            reason = ("certificates", "--ground", "证件到期的人员不参加抽取")
            await self._once(f"draw:waive:{line}", "draw", "waive", f"{PLAN}/{line}", *reason)
            self.progress.advance(step)

    async def _draw(self, crowd: Crowd) -> None:
        """In chat: the coordinator commits, witnesses say and confirm numbers, the coordinator reveals and locks."""
        step = self.progress.add_task("抽取", total=TASKS)
        for moment in (self.stage.clock.now(), START + LOTTERY + dt.timedelta(minutes=5)):
            self.stage.move_to(moment)
            await self._until_quiet(crowd)
            self.progress.update(step, completed=await self.stage.service.db.read(_locked))
        if await self.stage.service.db.read(_locked) < TASKS:
            raise Problem("not_drawn", "演示没有完成抽取。")

    async def _days(self, crowd: Crowd) -> None:
        moments = [m for m in _moments(self.calendar) if m > self.stage.clock.now()]
        step = self.progress.add_task("两周", total=len(moments))
        await self._until_quiet(crowd)
        for moment in moments:
            self.stage.move_to(moment)
            await self._until_quiet(crowd)
            done, total = await self.stage.service.db.read(_published)
            self.progress.update(
                step, advance=1, description=f"{china(moment):%m月%d日 %H:%M} 已公示 {done}/{total}"
            )
            if done == total and not await self._open_follow_ups():
                self.progress.update(step, completed=len(moments))
                return

    async def _until_quiet(self, crowd: Crowd) -> None:
        """Everybody reads, acts, and reads again until nobody has anything to do at this moment."""
        for _ in range(30):
            await self.stage.settle()
            acted = await crowd.act()
            await self.stage.settle()
            if not acted + await crowd.work():
                return
        raise Problem("not_settled", "演示没有平静下来。")

    async def _open_follow_ups(self) -> int:
        return await self.stage.service.db.read(_open_follow_ups)

    # -- typing commands ------------------------------------------------------------------------------------

    async def _once(self, name: str, *words: str) -> None:
        """A command that a kill must not repeat needlessly; repeating it would change nothing."""
        if self.stage.world.facts.get(name):
            return
        await self._type(*words)
        self.stage.world.remember(name, True)

    async def _type(self, *words: str) -> None:
        """Type ``suicha …`` at the prompt of this machine."""
        await asyncio.to_thread(self._run, words)

    def _run(self, words: tuple[str, ...]) -> None:
        import contextlib
        import io

        from bot.cli import app, register

        register()
        said = io.StringIO()
        with self.stage.shell(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                code = app(list(words), standalone_mode=False)
            except SystemExit as exit_:
                code = exit_.code
        if code not in (None, 0, 1):
            raise Problem(
                "command_failed", f"命令没有成功：suicha {' '.join(words)}", 输出=said.getvalue()[-500:]
            )


def draw_sources() -> tuple[list[dict[str, object]], ...]:
    """The public sources of the three draws: drawn balls, the lottery of the day, and none."""
    balls: dict[str, object] = {"kind": "witness", "how": "现场摇出 6 个号码球", "digits": 6}
    lottery: dict[str, object] = {
        "kind": "published", "what": "福利彩票 3D 开奖号码", "issue": "2026058", "where": "中国福彩网",
        "known": (START + LOTTERY).isoformat(timespec="minutes"), "fallback": balls,
    }  # fmt: skip
    return [balls], [lottery], []


def _locked(session: Session) -> int:
    return session.exec(select(func.count()).where(Draw.state == DrawState.LOCKED)).one()


def _moments(calendar: WorkCalendar) -> Iterator[dt.datetime]:
    day, left = START.date(), _DAYS
    while left:
        if calendar.is_workday(day):
            left -= 1
            yield from (dt.datetime(day.year, day.month, day.day, h, m, tzinfo=CHINA) for h, m in _HOURS)
        day += dt.timedelta(days=1)


def _has_tasks(url: str) -> bool:
    database = open_database(url)
    try:
        return database.read_now(lambda session: session.exec(select(Visit.id).limit(1)).first()) is not None
    finally:
        database.close()


def _published(session: Session) -> tuple[int, int]:
    rows = dict(session.exec(select(Visit.state, func.count()).group_by(Visit.state)).all())
    return int(rows.get(VisitState.PUBLISHED, 0)), sum(rows.values())


def _open_follow_ups(session: Session) -> int:
    from bot.inspection.followups.models import FollowUp, FollowUpState

    return session.exec(select(func.count()).where(FollowUp.state != FollowUpState.CLOSED)).one()
