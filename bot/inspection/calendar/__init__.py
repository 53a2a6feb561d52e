"""The working calendar (工作日、调休)."""

from __future__ import annotations

from bot.inspection.calendar.tables import YearTable
from bot.inspection.calendar.working_days import WorkCalendar

Calendar = WorkCalendar

__all__ = ["Calendar", "WorkCalendar", "YearTable"]
