"""Launch suicha from a checkout or from the wheel, where the folders live under ``suicha_app/``."""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_INSTALLED = _HERE / "suicha_app"
sys.path.insert(0, str(_INSTALLED if _INSTALLED.is_dir() else _HERE))


def main() -> None:
    """Run the command line."""
    from bot.cli import main as run  # noqa: PLC0415 - the path above comes first

    run()


if __name__ == "__main__":
    main()
