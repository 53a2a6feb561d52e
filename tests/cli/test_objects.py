"""``suicha object place``: what is printed, and what is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli import imports, objects
from tests.cli.test_imports import folder, run
from tests.inspection.lists import code, write

__all__ = ["folder"]  # the fixture: an installation in a folder of its own


@pytest.fixture
def office(folder: Path) -> Path:
    sheet = write(folder / "企业.csv", ["统一社会信用代码", "名称"], [[code(1), "霞山餐饮店"]])
    assert run(imports.app, "objects", str(sheet))[0] == 0
    return folder


def test_an_object_is_placed_from_a_chinese_map_and_taken_off_again(office: Path) -> None:
    words = ("place", code(1), "--longitude", "110.158893", "--latitude", "22.634842", "--system", "GCJ-02")
    exit_code, said = run(objects.app, *words)
    assert (exit_code, "WGS-84" in said, "110.1543" in said) == (0, True, True)
    assert "没有变化" in run(objects.app, *words)[1]
    assert "已取消" in run(objects.app, "place", code(1))[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((code(2),), "名录库里没有这个检查对象"),
        ((code(1), "--longitude", "110.1"), "要么都填"),
        ((code(1), "--longitude", "110.1", "--latitude", "22.6"), "坐标系"),
        (
            (code(1), "--longitude", "73.0", "--latitude", "39", "--system", "GCJ-02"),
            "换算成WGS-84后是72.996572",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_name(office: Path, words: tuple[str, ...], said: str) -> None:
    exit_code, output = run(objects.app, "place", *words)
    assert exit_code == 2
    assert said in output
