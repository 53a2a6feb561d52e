"""What the wheel puts into somebody's environment (architecture section 7)."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without the network by the backend that pyproject names."""
    folder = tmp_path_factory.mktemp("wheel")
    command = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
    built = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", command, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return folder / built.stdout.split()[-1]


def test_no_generic_folder_lands_in_site_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/", 1)[0] for name in archive.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"suicha.py", "suicha_app"}


def test_the_wheel_holds_what_runs_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    for needed in (
        "bot/migrations/script.py.mako", "bot/migrations/versions/0001_every_table_of_the_domain.py",
        "bot/inspection/profile/data/default.yaml", "bot/inspection/calendar/data/2026.yaml",
        "handlers/web/console.py", "scheduler/service.py", "templates/pages/base.html.j2",
        "templates/static/site.css", "templates/messages/assignment/title.txt.j2",
    ):  # fmt: skip
        assert f"suicha_app/{needed}" in names, needed
    assert not [name for name in names if "/tests/" in name or name.endswith((".pyc", ".db"))]


def test_the_licence_travels_along(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = next(archive.read(name) for name in archive.namelist() if name.endswith("licenses/LICENSE"))

    assert b"Apache License" in text


@pytest.mark.slow
def test_suicha_starts_from_the_wheel_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """The environment has the wheel and, by a path file, this one's libraries, but not this checkout."""
    home = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)  # noqa: S603 - the same
    site = next(home.glob("lib/python3*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    libraries = next(path for path in map(Path, sys.path) if (path / "typer").is_dir())
    (site / "libraries.pth").write_text(f"{libraries}\n")
    command = (
        "import sys; sys.path[:] = [p for p in sys.path if p not in sys.argv[1:2] and p]; del sys.argv[1];"
        " import suicha; print(suicha.__file__); suicha.main()"
    )

    shown = subprocess.run(  # noqa: S603 - the wheel under test
        [str(home / "bin" / "python"), "-c", command, str(ROOT), "--version"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert shown.returncode == 0, shown.stderr
    where, version = shown.stdout.split("\n", 1)
    assert str(site) in where
    assert version.startswith("suicha 0.")
