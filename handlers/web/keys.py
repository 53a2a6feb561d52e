"""Typed keys of what the web handlers need from the domain."""

from __future__ import annotations

from aiohttp import web

from bot.inspection.calendar import Calendar
from bot.inspection.checklists.evidence import EvidenceStore
from bot.inspection.profile import Profile

PROFILE = web.AppKey("profile", Profile)
CALENDAR = web.AppKey("calendar", Calendar)
EVIDENCE = web.AppKey("evidence", EvidenceStore)
