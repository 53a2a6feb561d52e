"""Every page a person opens, whatever chat service they use."""

from __future__ import annotations

from types import ModuleType
from typing import Final

from handlers.web import (
    approval,
    console,
    console_draws,
    console_followups,
    console_objects,
    enterprise,
    entry,
    files,
    forms,
    inbox,
    press,
    publication,
    session,
    visit_code,
)

ALL: Final[tuple[ModuleType, ...]] = (
    forms, inbox, files, publication, enterprise, approval, visit_code, press, session, console, console_objects,
    console_draws, console_followups, entry,
)  # fmt: skip
