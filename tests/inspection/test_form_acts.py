"""“未发现问题” is said, never assumed; what is sent twice counts once; time per section is kept (C17, D23)."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.inspection.checklists.definition import load_checklist
from bot.inspection.checklists.models import Answer
from bot.inspection.checklists.service import Seen, save_draft
from bot.inspection.checklists.times import by_section
from tests.fakes.desk import GOOD, Desk, refused
from tests.fakes.visits import HE, LI, SUN, WANG, make_visit

ALL_GOOD = {key: value for key, value in GOOD.items() if not key.startswith("item:")}
SAID = {"item:1": {"value": "未发现问题"}}


@pytest.fixture
def opened(db: Database, clock: ManualClock, tmp_path: Path) -> Desk:
    db.write_now(make_visit, now=clock.now())
    desk = Desk(db, clock, tmp_path)
    desk.arrive(WANG, LI)
    desk.open()
    return desk


def test_a_clean_result_needs_somebody_who_says_so(opened: Desk) -> None:
    opened.save(ALL_GOOD)
    assert "请确认“未发现问题”" in refused(opened.close).fields["item:1"]
    opened.save(SAID, person=LI)
    opened.close()
    opened.submit()
    said = opened.rows(Answer, Answer.question == "item:1")
    assert [(a.value, a.person_id) for a in said] == [("未发现问题", LI)]


def test_a_changed_answer_takes_the_conclusion_back(opened: Desk) -> None:
    opened.save(ALL_GOOD | SAID)
    opened.save({"CL-1:5": {"value": "合理缺项"}}, person=LI)
    assert set(refused(opened.close).fields) == {"item:1"}
    opened.save(SAID)
    opened.close()


def test_nobody_can_say_that_nothing_was_found_where_something_was(opened: Desk) -> None:
    opened.save(ALL_GOOD | {"CL-1:5": {"value": "否", "note": "出资时间不符"}} | SAID)
    opened.photo("CL-1:5")
    opened.close()
    assert "弄虚作假" in opened.submit().result
    assert opened.rows(Answer, Answer.question == "item:1") == []


@pytest.mark.parametrize("value", ["R01", "没有问题", "x" * 30])
def test_a_conclusion_has_one_word_only(opened: Desk, value: str) -> None:
    assert refused(lambda: opened.save({"item:1": {"value": value}})).key == "answer_unknown"


def test_each_department_concludes_its_own_items_only(
    db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    lists = (load_checklist("CL-1"), load_checklist("CL-4"))
    db.write_now(make_visit, now=clock.now(), checklists=lists, item_departments=(1, 2))
    desk = Desk(db, clock, tmp_path)
    desk.arrive(WANG, LI, SUN, HE)
    desk.open()
    assert refused(lambda: desk.save({"item:2": {"value": "未发现问题"}})).key == "not_your_section"
    assert refused(lambda: desk.save({"item:9": {"value": "未发现问题"}})).key == "question_unknown"
    assert desk.save({"item:2": {"value": "未发现问题"}}, person=LI).version == 1


def test_an_answer_that_is_sent_again_does_not_undo_what_the_partner_answered_meanwhile(opened: Desk) -> None:
    mine = {"CL-1:2": {"value": "否", "id": "a-1"}}
    opened.save(mine)
    opened.save({"CL-1:2": {"value": "是", "id": "b-1"}}, person=LI, base=1)
    again = opened.save(mine)  # the answer to the first got lost on the way
    assert again.draft["CL-1:2"]["value"] == "是"
    assert (again.version, again.overwrote) == (2, ())
    assert opened.save({"CL-1:2": {"value": "否", "id": "a-2"}}).overwrote == ("CL-1:2",)


def test_an_answer_that_waited_on_the_phone_does_not_replace_what_the_partner_answered_since(
    opened: Desk,
) -> None:
    found = {"CL-1:3": {"value": "否", "note": "后厨无消毒设施", "id": "li-1", "base": 0}}
    opened.save(found, person=LI)
    old = {"CL-1:3": {"value": "是", "id": "wang-1", "base": 0}}
    kept = opened.save(old, base=1)  # the page was loaded anew, the answer is older than Li's
    answer = kept.draft["CL-1:3"]
    assert (kept.overwrote, answer["value"], answer["note"], answer["by"]) == (
        ("CL-1:3",), "否", "后厨无消毒设施", LI,
    )  # fmt: skip
    assert (answer["also"]["value"], answer["also"]["by"]) == ("是", WANG)
    assert opened.save(old, base=1).version == kept.version == 2  # sent again
    agrees = {**found["CL-1:3"], "id": "wang-2", "base": 2}
    settled = opened.save({"CL-1:3": agrees})
    assert (settled.overwrote, "also" in settled.draft["CL-1:3"]) == ((), False)
    again = opened.save({"CL-1:3": {"value": "是", "id": "li-2", "base": 3}}, person=LI)
    assert again.draft["CL-1:3"]["by"] == LI


def test_an_answer_that_does_not_count_leaves_the_conclusion_and_one_that_counts_takes_the_partners_back(
    opened: Desk,
) -> None:
    opened.save(GOOD | {"item:1": {}}, person=LI)
    opened.save({"item:1": {"value": "未发现问题"}}, person=LI, base=1)
    stale = {"value": "", "id": "w-1", "base": 0}
    assert opened.save({"CL-1:1": {"value": "否", "id": "w-2", "base": 0}}).draft["item:1"]["value"]
    changed = {"CL-1:1": {"value": "否", "id": "w-3", "base": 2}, "item:1": stale}
    assert opened.save(changed).draft["item:1"]["value"] == ""


def test_time_in_view_is_kept_by_section_person_and_page(opened: Desk) -> None:
    def spend(person: int, page: str, **seconds: object) -> None:
        seen = Seen(page, {f"CL-1:{name}": value for name, value in seconds.items()})
        opened.db.write_now(
            save_draft, form_id=opened.form.id, person_id=person, changes={}, base_version=0, seen=seen
        )

    spend(WANG, "p1", 公示信息=60)
    spend(WANG, "p1", 公示信息=40.4)  # sent earlier, came later
    spend(WANG, "p1", 公示信息=90.6)
    spend(WANG, "p2", 公示信息=10)
    spend(LI, "p3", 公示信息=5, 其他=30)
    for nonsense in (-1, 1e9, float("nan"), "99", None, True):
        spend(LI, "p4", 其他=nonsense)
    assert by_section(opened.form.times) == {"CL-1:公示信息": 106, "CL-1:其他": 30}


def test_a_better_note_leaves_the_conclusion_as_it_is(opened: Desk) -> None:
    opened.save(ALL_GOOD | SAID)
    opened.save({"CL-1:5": {"value": "是", "note": "已核对章程"}}, person=LI)
    opened.close()
