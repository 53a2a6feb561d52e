"""Look at the month's budgets: merge earlier when one runs low, rest when it is gone, tell the administrators early."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session

from bot.core.clock import Clock, at_china, china_day
from bot.core.db import Database
from bot.inspection.calendar import WorkCalendar
from bot.inspection.people.alarms import tell_administrators
from bot.messaging.delivery import Delivery
from bot.messaging.quotas import Forecast, Level, forecast, limits_set, month_of
from bot.platforms.base import Platform
from bot.platforms.shared import Budget

_WORDS = {Budget.CALLS: "接口调用额度", Budget.PUSHES: "推送额度"}
_LOW = "提醒已自动合并为汇总，汇总只放在网页收件箱。可购买额度后用 suicha limits set 调高，或减少提醒。"
_GONE = "本月不再向这个平台发送，改走其他渠道；下月一日自动恢复。购买额度后用 suicha limits set 调高。"


@dataclass(frozen=True, slots=True)
class Budgets:
    """One per process, looked at by a tick; the alarm is one for each level, budget and month."""

    db: Database
    clock: Clock
    platforms: Mapping[str, Platform]
    calendar: WorkCalendar
    delivery: Delivery

    async def look(self) -> int:
        """Returns how many people are told about it now."""
        now = self.clock.now()
        seen = await self.db.read(self._forecasts, today=china_day(now))
        calls = {name: one.level for (name, budget), one in seen.items() if budget is Budget.CALLS}
        self._obey(calls, now)
        short = {key: one for key, one in seen.items() if one.level is not Level.FINE}
        return await self.db.write(self._tell, short, now=now) if short else 0

    def _forecasts(self, session: Session, *, today: dt.date) -> dict[tuple[str, Budget], Forecast]:
        set_ = limits_set(session)
        found = {}
        for name, platform in self.platforms.items():
            for budget, usual in platform.capabilities.budgets:
                limit = set_.get(name, {}).get((budget.value, 0), usual)
                days = month_of(session, platform=name, budget=budget, today=today)
                found[name, budget] = forecast(days, today=today, limit=limit, calendar=self.calendar)
        return found

    def _obey(self, calls: Mapping[str, Level], now: dt.datetime) -> None:
        self.delivery.composer.low = {name for name, level in calls.items() if level is Level.LOW}
        resting = self.delivery.composer.resting
        today = china_day(now)
        next_month = (today.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        why = "本月接口额度已用完"
        for name, level in calls.items():
            if level is Level.GONE:
                resting[name] = (at_china(next_month), why)
            elif resting.get(name, (now, ""))[1] == why:
                del resting[name]

    def _tell(
        self, session: Session, short: Mapping[tuple[str, Budget], Forecast], *, now: dt.datetime
    ) -> int:
        told = 0
        for (name, budget), one in short.items():
            told += tell_administrators(
                session, platform=name, slot=f"{budget}:{china_day(now):%Y-%m}:{one.level}", now=now,
                text=f"{_WORDS[budget]}本月已用 {one.spent}/{one.limit}，按现在的速度月底约 {one.month_end}。",
                advice=_GONE if one.level is Level.GONE else _LOW,
            )  # fmt: skip
        return told
