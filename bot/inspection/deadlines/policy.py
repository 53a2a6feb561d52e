"""Policies (催办规则): the profile's steps by kind of duty, frozen where a task begins. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.inspection.profile import Profile, Step

TASK_KINDS = (
    "assignment",
    "visit_day",
    "visit_window",
    "review",
    "publicity",
    "decision",
    "correction",
    "transfer",
)


@dataclass(frozen=True, slots=True)
class Policy:
    """The steps of one kind of duty and the hour of those that name none."""

    kind: str
    steps: tuple[Step, ...]
    remind_at: str


def freeze(profile: Profile) -> dict[str, Any]:
    """What a task promises from its dispatch on, whatever the profile says later."""
    shown = profile.messages
    return {
        "remind_at": shown.remind_at,
        "quiet": [shown.quiet_from, shown.quiet_until],
        "quiet_on_rest_days": shown.quiet_on_rest_days,
        "reminders": {
            kind: [
                step.model_dump(mode="json", exclude_defaults=True)
                for step in profile.reminders.get(kind, ())
            ]
            for kind in TASK_KINDS
        },
    }


def policy_of(kind: str, profile: Profile, frozen: Mapping[str, Any] | None = None) -> Policy:
    """The policy of *kind*: the task's *frozen* one where it has one, else the profile's."""
    kept = (frozen or {}).get("reminders", {})
    if kind in kept:
        steps = tuple(Step.model_validate(step) for step in kept[kind])
        return Policy(kind, steps, str((frozen or {})["remind_at"]))
    return Policy(kind, profile.reminders.get(kind, ()), profile.messages.remind_at)
