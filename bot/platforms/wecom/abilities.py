"""What an app of WeCom can do, and how often. Sheet sections 2.2, 8.1. Pure."""

from __future__ import annotations

from bot.core.config_wecom import WeComSettings
from bot.platforms.base import Capabilities, Limit, Scope
from bot.platforms.wecom import cards
from bot.platforms.wecom.limits import ROBOT_PER_MINUTE


def capabilities(settings: WeComSettings, group_robot: bool) -> Capabilities:
    return Capabilities(
        cards=settings.template_cards,
        card_updates=settings.template_cards,
        group_robot=group_robot,
        body_bytes=1536,  # of 2,048, which hold title, facts and links too
        per_minute=settings.per_member_minute,
        limits=(
            Limit(Scope.PERSON, settings.per_member_minute, 60),
            Limit(Scope.PERSON, 1000, 3600),
            Limit(Scope.CORP, 10_000, 60),
            Limit(Scope.ROBOT, ROBOT_PER_MINUTE, 60),
        ),
        batch=cards.BATCH,
        recall=True,
    )
