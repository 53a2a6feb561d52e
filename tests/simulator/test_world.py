"""The simulated world comes back from a kill as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bot.simulator.people import SimPerson, World

_OPEN: list[World] = []


def open_world(journal: Path | None) -> World:
    _OPEN.append(World(now=lambda: 1_769_000_000.0, journal=journal))
    return _OPEN[-1]


@pytest.fixture(autouse=True)
def close_worlds() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def state(world: World) -> dict[str, Any]:
    return {
        "people": {key: asdict(person) for key, person in world.people.items()},
        "messages": {key: asdict(message) for key, message in world.messages.items()},
        "chats": deepcopy(world.chats),
        "facts": deepcopy(world.facts),
        "media": dict(world.media),
        "revision": world.revision,
    }


def lived_in(journal: Path | None) -> World:
    world = open_world(journal)
    world.add_person(SimPerson("wecom", "LiLei", "李雷", role="执法人员"))
    world.add_person(SimPerson("dingtalk", "han01", "韩梅梅"))
    content = {"title": "新任务", "n": [1, {"a": "b"}]}
    card = world.post("wecom", "lilei", "template_card", content, card_id="c1")
    world.post("wecom", "LiLei", "text", {"text": "换行\u2028不是行尾\x85也不是\n这才是"}, mine=True)
    world.change(card.id, closed="已确认", pressed=["ack"])
    world.remember("clock", 12.5)
    world.media["@lAD/PM 1.x"] = (b"\xff\xd8 photo", "image/jpeg", "现场.jpg")
    world.media["m" * 400] = (b"long", "image/png", "")
    return world


def test_a_replay_gives_the_same_state(tmp_path: Path) -> None:
    before = lived_in(tmp_path / "world.jsonl")
    expected = state(before)
    before.close()
    assert state(open_world(tmp_path / "world.jsonl")) == expected


def test_a_world_without_a_journal_behaves_the_same(tmp_path: Path) -> None:
    assert state(lived_in(None)) == state(lived_in(tmp_path / "world.jsonl"))


def test_a_cut_anywhere_in_the_last_line_loses_only_that_line(tmp_path: Path) -> None:
    journal = tmp_path / "world.jsonl"
    world = lived_in(journal)
    whole = journal.read_bytes()
    expected = state(world)
    world.post("wecom", "lilei", "text", {"text": "最后一句"})
    world.close()
    last = journal.read_bytes()[len(whole) :]
    for kept in range(len(last)):
        journal.write_bytes(whole + last[:kept])
        again = open_world(journal)
        assert state(again) == expected
        assert journal.read_bytes() == whole
        again.close()


def test_writing_goes_on_after_a_cut_line(tmp_path: Path) -> None:
    journal = tmp_path / "world.jsonl"
    lived_in(journal).close()
    with journal.open("ab") as file:
        file.write('["message", {"id": "m1", "content": "半'.encode()[:-1])
    world = open_world(journal)
    world.post("dingtalk", "han01", "text", {"text": "又活了"})
    expected = state(world)
    world.close()
    assert state(open_world(journal)) == expected


def test_damage_before_the_last_line_is_not_hidden(tmp_path: Path) -> None:
    journal = tmp_path / "world.jsonl"
    lived_in(journal).close()
    journal.write_bytes(b'["fact", {"key"\n' + journal.read_bytes())
    with pytest.raises(ValueError, match="Expecting"):
        open_world(journal)


def test_ids_of_every_kind_are_new_after_a_kill(tmp_path: Path) -> None:
    world = open_world(tmp_path / "world.jsonl")
    before = {world.next_id(prefix)[1:] for prefix in "tmr" for _ in range(700)}
    world.close()
    world = open_world(tmp_path / "world.jsonl")
    after = {world.next_id("t")[1:] for _ in range(2100)}
    assert len(before) == 2100
    assert not before & after


def test_a_change_of_the_senders_own_dict_does_not_reach_the_chat() -> None:
    world, content = open_world(None), {"title": "原文"}
    message = world.post("wecom", "lilei", "textcard", content)
    content["title"] = "改了"
    assert message.content == {"title": "原文"}


def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    world = open_world(tmp_path / "world.jsonl")
    before = state(world)
    with pytest.raises(TypeError):
        world.remember("bytes", b"not JSON")
    assert state(world) == before


def test_media_cannot_leave_its_folder(tmp_path: Path) -> None:
    world = open_world(tmp_path / "world.jsonl")
    for media_id in ("../../evil", "..", "/etc/passwd", "a\x00b"):
        world.media[media_id] = (b"x", "image/png", "")
        assert world.media[media_id][0] == b"x"
    assert {file.parent for file in tmp_path.rglob("*") if file.is_file()} == {
        tmp_path,
        tmp_path / "world.jsonl.media",
    }


KILLED = """
import sys
from pathlib import Path
from bot.simulator.people import World
world = World(now=lambda: 1.0, journal=Path(sys.argv[1]))
for n in range(10**9):
    world.media[world.next_id("p")] = (b"photo" * 1000, "image/jpeg", "")
    world.post("wecom", "lilei", "text", {"text": "忙" * 5000})
    if n == 20:
        print("busy", flush=True)
"""


def test_a_killed_process_loses_nothing_it_had_finished(tmp_path: Path) -> None:
    journal = tmp_path / "world.jsonl"
    command = [sys.executable, "-c", KILLED, str(journal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:  # noqa: S603
        assert process.stdout is not None
        process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    world = open_world(journal)
    assert len(world.messages) >= 20
    assert all(body == b"photo" * 1000 for body, _, _ in world.media.values())
    assert 0 <= len(world.media) - len(world.messages) <= 1
    assert all(m.content == {"text": "忙" * 5000} for m in world.messages.values())
