"""How every public page is answered: cacheable, and it names the locality."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.core.keys import PAGES
from handlers.web.caching import cached
from handlers.web.keys import PROFILE

_DEFAULT = "default"  # the profile that belongs to no place


def show(request: web.Request, template: str, **values: Any) -> web.Response:
    """A page from ``templates/pages/<template>``; ``place`` is empty while no locality's profile is set."""
    profile = request.app[PROFILE]
    place = "" if profile.profile == _DEFAULT else profile.name
    body = request.app[PAGES].get_template(template).render(place=place, **values)
    return cached(request, web.Response(text=body, content_type="text/html"))
