"""Every conversation, joined in one router."""

from __future__ import annotations

from bot.messaging.router import Router
from handlers.chat import (
    approval,
    binding,
    bulletins,
    chase,
    checklist,
    checklist_sent,
    clues,
    commissions,
    console,
    contacts,
    draws,
    followups,
    help,  # noqa: A004
    leads,
    messages,
    reassign,
    records,
    register,
    returns,
    review,
    review_queue,
    signing,
    tasks,
    training,
    training_quiz,
    transfers,
    trouble,
    withholding,
)


def make_router() -> Router:
    """All handlers; two for the same words or buttons is an error at start."""
    router = Router()
    for part in (
        binding,
        tasks,
        training,
        training_quiz,
        approval,
        leads,
        messages,
        chase,
        reassign,
        records,
        register,
        bulletins,
        clues,
        checklist,
        checklist_sent,
        commissions,
        signing,
        review,
        review_queue,
        withholding,
        followups,
        transfers,
        draws,
        returns,
        console,
        trouble,
        contacts,
        help,
    ):
        router.include(part.router)
    return router
