"""``suicha doctor``: look at everything an installation needs, and say what to do about what is missing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import Iterator
from typing import Annotated

import typer
from pydantic import SecretStr

from bot.cli.doctor_platforms import ask_platforms
from bot.cli.settings import read_settings
from bot.core.clock import china_day
from bot.core.config import Settings
from bot.core.errors import Problem
from bot.platforms.base import CheckResult

_LOCAL = ("http://127.0.0.1", "http://localhost", "http://[::1]")
_PLATFORMS = ("wecom", "dingtalk", "zwdd", "email", "sms")
_SECRET_LENGTH = 16
_DECEMBER = 12
_FREE = 1024**3  # bytes that evidence and the database should have left


def doctor(
    platform: Annotated[
        str, typer.Argument(metavar="[平台]", help="只检查这一个：wecom、dingtalk、zwdd、email 或 sms。")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出。")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="不连接企业微信和钉钉。")] = False,
) -> None:
    """检查设置、数据库、磁盘、字体、端口和平台接口；全部正常时退出码为 0，否则为 1。

    例：suicha doctor
    例：suicha doctor wecom
    """
    results = list(examine_platform(platform) if platform else examine(offline=offline))
    fine = all(result.ok for result in results)
    if as_json:
        checks = [
            {"name": r.name, "ok": r.ok, "seen": r.seen, "advice": r.advice if not r.ok else ""}
            for r in results
        ]
        typer.echo(json.dumps({"ok": fine, "checks": checks}, ensure_ascii=False))
    else:
        for result in results:
            _show(result)
        typer.echo("一切正常。" if fine else "有需要处理的地方，见上面带 ✗ 的各行。")
    if not fine:
        raise typer.Exit(1)


def _show(result: CheckResult) -> None:
    typer.secho("✓ " if result.ok else "✗ ", fg="green" if result.ok else "red", nl=False)
    typer.echo(
        f"{result.name}：{result.seen}" + (f" → {result.advice}" if result.advice and not result.ok else "")
    )


def examine(*, offline: bool = False) -> Iterator[CheckResult]:
    """Every check in order; without readable settings only what is wrong with them."""
    try:
        settings = read_settings()
    except Problem as problem:
        yield from _wrong_settings(problem)
        return
    yield CheckResult("设置", True, "可以读取")
    for check in (_secrets, _public_url, _profile, _calendar, _database, _disk, _store, _fonts, _port):
        yield from check(settings)
    yield from _platforms(settings, offline=offline)


def examine_platform(name: str) -> Iterator[CheckResult]:
    """Only what one platform needs; a second WeCom (``SUICHA_WECOM_MORE__…``) belongs to ``wecom``. Raises Problem
    ``platform_unknown``, ``platform_not_set``."""
    if name not in _PLATFORMS:
        raise Problem(
            "platform_unknown", f"没有“{name}”这个平台，可以是 {'、'.join(_PLATFORMS)}。", 平台=name
        )
    try:
        settings = read_settings()
    except Problem as problem:
        yield from _wrong_settings(problem)
        return
    results = asyncio.run(ask_platforms(settings, only=name))
    if not results:
        raise Problem(
            "platform_not_set",
            f"没有设置 {name}，参照 .env.example 填写 SUICHA_{name.upper()}__…。",
            平台=name,
        )
    yield from results


def _wrong_settings(problem: Problem) -> Iterator[CheckResult]:
    """Half a platform block and every unreadable setting, by the name it has in the environment."""
    for name, why in problem.fields.items():
        yield CheckResult("设置", False, f"{name} {why}", "参照 .env.example 改正。")


def _secrets(settings: Settings) -> Iterator[CheckResult]:
    advice = "用 python3 -c 'import secrets; print(secrets.token_urlsafe(32))' 生成一个。"
    for name, needed in (("secret_key", True), ("audit_salt", True), ("metrics_token", False)):
        value: SecretStr | None = getattr(settings, name)
        label = f"SUICHA_{name.upper()}"
        if value is None:
            yield CheckResult(
                label, not needed, "没有设置" + ("" if needed else "（不提供 /metrics）"), advice
            )
        else:
            fine = len(value.get_secret_value()) >= _SECRET_LENGTH
            yield CheckResult(label, fine, "已设置" if fine else f"短于 {_SECRET_LENGTH} 个字符", advice)


def _public_url(settings: Settings) -> Iterator[CheckResult]:
    url = settings.public_url
    connected = bool(settings.wecoms) or settings.dingtalk is not None
    if connected and not url.startswith("https://"):
        seen = f"{url} 只有本机能打开" if url.startswith(_LOCAL) else f"{url} 不是 https"
        yield CheckResult(
            "SUICHA_PUBLIC_URL", False, seen, "手机要能打开消息里的链接：填写对外的 https 地址。"
        )
    else:
        yield CheckResult("SUICHA_PUBLIC_URL", True, url)


def _profile(settings: Settings) -> Iterator[CheckResult]:
    from bot.inspection.profile import load_profile

    try:
        profile = load_profile(settings.profile)
    except Problem as problem:
        yield CheckResult("地方配置", False, str(problem), "检查 SUICHA_PROFILE。")
    else:
        yield CheckResult("地方配置", True, profile.name)


def _calendar(settings: Settings) -> Iterator[CheckResult]:
    """This year's holidays, shipped or imported; in December those of the next year too."""
    from bot.cli.context import MACHINE

    today = china_day(MACHINE.get().clock.now())
    wanted = [today.year, today.year + 1] if today.month == _DECEMBER else [today.year]
    known = _known_years(settings)
    missing = [f"{year} 年" for year in wanted if year not in known]
    seen = f"没有 {'、'.join(missing)}放假安排" if missing else f"有 {today.year} 年放假安排"
    yield CheckResult("工作日历", not missing, seen, "升级随查，或用 suicha calendar import 导入放假安排。")


def _known_years(settings: Settings) -> tuple[int, ...]:
    from sqlalchemy.exc import SQLAlchemyError

    from bot.core.db import open_database
    from bot.inspection.calendar import WorkCalendar
    from bot.inspection.deadlines.calendar_years import refresh_calendar

    calendar = WorkCalendar.load()
    with contextlib.suppress(Problem, SQLAlchemyError):  # what is wrong with the database, its own check says
        database = open_database(settings.database_url)
        try:
            database.read_now(refresh_calendar, calendar=calendar)
        finally:
            database.close()
    return calendar.years


def _database(settings: Settings) -> Iterator[CheckResult]:
    from bot.core.db import open_database
    from bot.migrations import current, head, is_unknown

    try:
        database = open_database(settings.database_url)
    except Problem as problem:
        yield CheckResult("数据库", False, str(problem), "检查 SUICHA_DATABASE_URL 和数据库服务。")
        return
    try:
        found = current(database)
        advice = "数据库比程序新，请升级随查。" if is_unknown(found) else "运行 suicha migrate。"
        yield CheckResult("数据库版本", found == head(), found or "还没有建表", advice)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE suicha_doctor (x INTEGER)")
            connection.rollback()
        yield CheckResult("数据库写入", True, f"可以写入（{database.url.get_backend_name()}）")
    except Exception as error:  # noqa: BLE001 - whatever the driver says is what the reader needs
        yield CheckResult(
            "数据库写入", False, type(error).__name__, "检查磁盘空间、目录权限和数据库账号权限。"
        )
    finally:
        database.close()


def _disk(settings: Settings) -> Iterator[CheckResult]:
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".doctor"
        probe.write_bytes(b"x")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield CheckResult(
            "数据目录", False, f"{folder} 不能写入：{error.strerror}", "检查 SUICHA_DATA_DIR 的权限。"
        )
        return
    gigabytes = f"{folder} 可写，剩余 {free / 1024**3:.1f} GB"
    yield CheckResult("数据目录", free >= _FREE, gigabytes, "请腾出至少 1 GB 空间。")


def _store(settings: Settings) -> Iterator[CheckResult]:
    from bot.inspection.checklists.evidence import open_store

    if settings.s3 is None:
        return
    try:
        yield CheckResult("证据存储", True, open_store(settings).check())
    except Problem as problem:
        yield CheckResult("证据存储", False, str(problem), "检查 SUICHA_S3 各项、网络和本机时钟。")


def _fonts(_settings: Settings) -> Iterator[CheckResult]:
    import pylopdf_fonts_zh_cn

    path = pylopdf_fonts_zh_cn.sans_path()
    found = path.is_file()
    yield CheckResult("中文字体", found, path.name if found else "没有找到", "重新安装 pylopdf-fonts-zh-cn。")


def _port(settings: Settings) -> Iterator[CheckResult]:
    from bot.cli.serve import bind

    address = f"{settings.host}:{settings.port}"
    try:
        bind(settings.host, settings.port).close()
    except Problem as problem:
        if problem.key == "host_unknown":
            yield CheckResult("监听地址", False, str(problem), "填写本机的地址，通常是 127.0.0.1。")
            return
        ours = asyncio.run(_answers(f"http://{address}/healthz"))
        seen = f"{address} 上随查正在运行" if ours else f"{address} 已被别的程序占用"
        yield CheckResult("端口", ours, seen, "换一个 SUICHA_PORT，或停掉占用的程序。")
    else:
        yield CheckResult("端口", True, f"{address} 空闲")


async def _answers(url: str) -> bool:
    import aiohttp

    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as http,
            http.get(url) as answer,
        ):
            return answer.status == 200 and (await answer.json()) == {"ok": True}
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False


def _platforms(settings: Settings, *, offline: bool) -> Iterator[CheckResult]:
    if not settings.wecoms and settings.dingtalk is None and settings.zwdd is None:
        yield CheckResult("平台", False, "企业微信和钉钉都没有设置", "参照 .env.example 至少设置一个。")
    elif not offline:
        yield from asyncio.run(ask_platforms(settings))
