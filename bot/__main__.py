"""``python -m bot`` is ``suicha``."""

from bot.cli import main

main()
