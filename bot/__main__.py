"""``python -m bot`` is ``suicha``."""

from bot.cli import app

app()
