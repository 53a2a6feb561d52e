"""Every kind of list that can be imported, joined from the slices that own them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from bot.inspection.followups.clue_columns import CLUES, upsert_clues
from bot.inspection.followups.clues import open_received
from bot.inspection.followups.credit import warn_of_changes
from bot.inspection.people import columns as people
from bot.inspection.people.departments import upsert_departments
from bot.inspection.people.imports import upsert_contacts, upsert_officers, upsert_people
from bot.inspection.people.trainings import TRAININGS, upsert_trainings
from bot.inspection.registry import columns as registry
from bot.inspection.registry.imports import Importer
from bot.inspection.registry.items import upsert_items
from bot.inspection.registry.objects import upsert_objects

# what an import leads to, at its end; the ticks do the same for one that was cut short
FOLLOWING: Final[Mapping[str, Callable[..., int]]] = {
    "objects": warn_of_changes,
    "clues": open_received,
}

# in the order in which they build on each other
IMPORTERS: Final[Mapping[str, Importer]] = {
    "departments": Importer(people.DEPARTMENTS, upsert_departments),
    "items": Importer(registry.ITEMS, upsert_items),
    "objects": Importer(registry.OBJECTS, upsert_objects),
    "officers": Importer(people.OFFICERS, upsert_officers),
    "people": Importer(people.PEOPLE, upsert_people),
    "contacts": Importer(people.CONTACTS, upsert_contacts),
    "trainings": Importer(TRAININGS, upsert_trainings),
    "clues": Importer(CLUES, upsert_clues),
}
