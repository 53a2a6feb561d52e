"""The locality profile (地方配置)."""

from __future__ import annotations

from bot.inspection.profile.deadlines import DueDate, day_in_year, plan_due, publicity_due
from bot.inspection.profile.loading import load_profile, profile_names
from bot.inspection.profile.model import Profile, Step

__all__ = [
    "DueDate",
    "Profile",
    "Step",
    "day_in_year",
    "load_profile",
    "plan_due",
    "profile_names",
    "publicity_due",
]
