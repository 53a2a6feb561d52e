"""The annual plan: the file, its checks (C2, C9), adjustment (C7)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlmodel import Session, col, select

from bot.core.db import Database
from bot.core.errors import Problem
from bot.inspection.notices.models import Notice
from bot.inspection.people.models import Department, Person, PersonRole, Role
from bot.inspection.plans import messages
from bot.inspection.plans.document import parse_plan
from bot.inspection.plans.library import line_preview
from bot.inspection.plans.models import Plan
from bot.inspection.plans.service import (
    adjust_plan,
    approve_plan,
    earlier_line_ids,
    find_plan,
    import_plan,
    plan_changes,
    plan_lines,
    publish_plan,
)
from bot.inspection.profile import load_profile
from bot.inspection.registry.classes import class_of
from bot.inspection.tasks.creation import create_task
from tests.inspection.lists import ITEM_ROWS, NOW, bring, code, departments, items, objects, write

PROFILE = load_profile("default")
RATIOS = {"A": 1, "B": 2, "C": 10, "D": 30}


def line(number: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "number": number,
        "name": f"第{number}项",
        "items": ["G-1"],
        "lead": "SCJG",
        "joint": [],
        "ratios": RATIOS,
        "focus": "重点",
        "window": {"start": dt.date(2026, 3, 1), "end": dt.date(2026, 6, 30)},
    } | changed


def text(*lines: dict[str, Any], **head: Any) -> str:
    plan = {
        "code": "P-1",
        "year": 2026,
        "name": "年度计划",
        "department": "SCJG",
        "lines": list(lines),
    } | head
    dumper = yaml.SafeDumper
    dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign,assignment]
    return yaml.dump(plan, Dumper=dumper, allow_unicode=True, sort_keys=False)


def bring_plan(db: Database, *lines: dict[str, Any], ground: str = "", **head: Any) -> Plan:
    document = parse_plan(text(*lines, **head))
    return db.write_now(import_plan, document=document, now=NOW, profile=PROFILE, ground=ground)


def publish(db: Database, plan: Plan) -> Plan:
    db.write_now(approve_plan, plan_id=plan.id or 0, now=NOW)
    return db.write_now(publish_plan, plan_id=plan.id or 0, now=NOW)


@pytest.fixture
def ready(db: Database, tmp_path: Path) -> Database:
    departments(db, tmp_path)
    assert items(db, tmp_path).clean
    return db


def refusal(db: Database, *lines: dict[str, Any], **head: Any) -> str:
    with pytest.raises(Problem) as caught:
        bring_plan(db, *lines, **head)
    assert caught.value.key == "plan_refused"
    assert db.read_now(find_plan, "P-1") is None
    return str(caught.value)


def test_c2_a_line_above_the_cap_of_a_general_item_is_refused(ready: Database) -> None:
    assert "第1条第1项：超过一般检查事项比例上限5%" in refusal(ready, line(ratios=8))


def test_c2_a_key_item_may_be_inspected_in_full(ready: Database) -> None:
    assert bring_plan(ready, line(items=["K-1"], ratios=100)).version == 1


def test_c2_the_overall_ratio_of_the_library_keeps_the_cap(ready: Database, tmp_path: Path) -> None:
    objects(ready, tmp_path, {"A": 10, "D": 10})
    assert "总体比例为15.5%" in refusal(ready, line())


def test_c2_no_plan_can_use_an_item_that_is_unknown_or_out_of_use(ready: Database, tmp_path: Path) -> None:
    items(ready, tmp_path, [[*ITEM_ROWS[1][:7], "停用", "本级"]])
    said = refusal(ready, line(items=["K-1"]), line(2, items=["X-9"]))
    assert "事项K-1已停用" in said
    assert "清单里没有事项X-9" in said


def test_c9_an_upper_level_ratio_needs_its_authorisation(ready: Database) -> None:
    assert "授权文号" in refusal(ready, line(items=["U-1"]))
    bring_plan(ready, line(items=["U-1"], authorisation="省消〔2026〕1号"))
    bring_plan(ready, line(items=["U-1"]))
    with pytest.raises(Problem, match="授权文号"):
        bring_plan(ready, line(items=["U-1"], ratios=50))


def test_mandatory_fields_of_the_profile_and_departments_are_asked_for(ready: Database) -> None:
    said = refusal(ready, line(focus=" "), line(2, lead="质监局", joint=["GA", "工商局"]))
    assert "缺少检查重点" in said
    assert "没有部门“质监局”；没有部门“工商局”" in said


def test_an_a_ratio_of_nought_is_the_profiles_choice(ready: Database) -> None:
    none = RATIOS | {"A": 0}
    assert "不允许A类比例为0" in refusal(ready, line(ratios=none))
    document = parse_plan(text(line(ratios=none)))
    assert ready.write_now(import_plan, document=document, now=NOW, profile=load_profile("ZJ")).version == 1


def test_the_same_plan_again_is_the_same_plan_and_a_draft_can_be_mended(ready: Database) -> None:
    first = bring_plan(ready, line())
    assert bring_plan(ready, line()).id == first.id
    mended = bring_plan(ready, line(focus="别的"), line(2))
    assert (mended.id, mended.version) == (first.id, 1)
    assert [x.focus for x in ready.read_now(plan_lines, first.id or 0)] == ["别的", "重点"]
    publish(ready, mended)
    assert bring_plan(ready, line(focus="别的"), line(2)).id == first.id


def test_c7_an_adjustment_makes_a_second_version_and_the_first_stays_readable(ready: Database) -> None:
    leads = _leads(ready)
    first = publish(ready, bring_plan(ready, line(), line(2), line(3, items=["K-1"])))
    old = ready.read_now(plan_lines, first.id or 0)
    document = parse_plan(text(line(), line(2, joint=["GA"])))
    with pytest.raises(Problem, match="必须说明理由"):
        ready.write_now(adjust_plan, document=document, ground=" ", now=NOW, profile=PROFILE)
    second = ready.write_now(adjust_plan, document=document, ground="突发性风险", now=NOW, profile=PROFILE)
    with pytest.raises(Problem, match="未经批准"):
        ready.write_now(publish_plan, plan_id=second.id or 0, now=NOW)
    assert ready.read_now(find_plan, "P-1", version=1).state == "PUBLISHED"  # type: ignore[union-attr]
    publish(ready, second)
    kept = ready.read_now(find_plan, "P-1", version=1)
    assert kept is not None
    assert (second.version, second.ground, kept.state) == (2, "突发性风险", "SUPERSEDED")
    assert len(ready.read_now(plan_lines, kept.id or 0)) == 3
    changes = ready.read_now(plan_changes, plan_id=second.id or 0)
    assert [(c.number, c.change, c.fields) for c in changes] == [
        (2, "CHANGED", ("参与部门",)),
        (3, "REMOVED", ()),
    ]
    told = ready.read_now(
        lambda s: s.exec(select(Notice.recipient_id).where(Notice.kind == "plan_adjusted")).all()
    )
    assert set(told) == {leads["SCJG"], leads["GA"]}
    with pytest.raises(Problem) as caught:
        ready.write_now(create_task, plan_line_id=old[2].id or 0, now=NOW)
    assert caught.value.key == "plan_not_published"


def _leads(db: Database) -> dict[str, int]:
    """A lead in each department."""

    def make(session: Session) -> dict[str, int]:
        found = {}
        for department in session.exec(select(Department)).all():
            person = Person(code=f"L-{department.code}", name="负责人", department_id=department.id)
            session.add(person)
            session.flush()
            session.add(PersonRole(person_id=person.id or 0, role=Role.LEAD))
            found[department.code] = person.id or 0
        return found

    return db.write_now(make)


def test_the_message_about_an_adjustment_tells_the_version_in_force(ready: Database) -> None:
    _leads(ready)
    publish(ready, bring_plan(ready, line()))
    second = publish(ready, bring_plan(ready, line(), line(2), ground="工作实际"))
    notice = ready.read_now(
        lambda s: s.exec(
            select(Notice).where(Notice.kind == "plan_adjusted").order_by(col(Notice.id))
        ).first()
    )
    assert notice is not None
    content = ready.read_now(messages.adjusted, notice, NOW)
    [kind] = [kind for kind in messages.KINDS if kind.name == "plan_adjusted"]
    assert content.values == kind.sample.values | {  # type: ignore[union-attr]
        "name": "年度计划",
        "version": 2,
        "ground": "工作实际",
        "added": 1,
        "changed": 0,
    }
    publish(ready, bring_plan(ready, line(), ground="又调整"))
    assert "新版" in ready.read_now(messages.adjusted, notice, NOW).reason  # type: ignore[union-attr]
    assert second.version == 2


def test_a_line_knows_the_rows_that_stood_for_it_before(ready: Database) -> None:
    first = publish(ready, bring_plan(ready, line()))
    second = publish(ready, bring_plan(ready, line(focus="新"), ground="工作实际"))
    (new,) = ready.read_now(plan_lines, second.id or 0)
    assert ready.read_now(earlier_line_ids, new) == [x.id for x in ready.read_now(plan_lines, first.id or 0)]


def test_approving_and_publishing_twice_is_once(ready: Database) -> None:
    plan = publish(ready, bring_plan(ready, line()))
    assert publish(ready, plan).published_at == NOW


def test_the_preview_counts_the_library_in_scope(ready: Database, tmp_path: Path) -> None:
    objects(ready, tmp_path, {"A": 700, "B": 200, "C": 80, "D": 20})
    plan = bring_plan(ready, line())
    (stored,) = ready.read_now(plan_lines, plan.id or 0)
    seen = ready.read_now(line_preview, stored)
    assert ([s.take for s in seen.strata], seen.total, seen.cap) == ([7, 4, 8, 6], 25, 5)


def test_c6_a_food_item_goes_by_the_food_risk_and_the_preview_says_so(
    ready: Database, tmp_path: Path
) -> None:
    head = ["编号", "名称", "信用风险等级", "食品安全风险等级"]
    bring(
        ready, "objects", write(tmp_path / "e.csv", head, [[code(1), "E", "A", "D"], [code(2), "F", "B", ""]])
    )
    head = ["编号", "抽查事项", "事项类别", "检查依据", "抽查领域", "检查对象"]
    rows = [
        ["F-1", "食品销售", "重点", "食品安全法", "食品安全", "企业"],
        ["I-1", "公示信息", "重点", "条例", "登记注册", "企业"],
    ]
    bring(ready, "items", write(tmp_path / "i.csv", head, rows))
    plan = bring_plan(ready, line(items=["I-1"]), line(2, items=["F-1"]))
    seen = [ready.read_now(line_preview, stored) for stored in ready.read_now(plan_lines, plan.id or 0)]
    assert [preview.scale for preview in seen] == ["信用风险分类", "食品安全风险等级"]
    sizes = [{s.klass: s.size for s in preview.strata if s.size} for preview in seen]
    assert sizes == [{"A": 1, "B": 1}, {"B": 1, "D": 1}]
    assert class_of("A", ["网络餐饮", "食品安全风险:D"], "食品安全风险等级") == "D"


BROKEN = """\
code: 4509232026
year: 2026
name: 计划
departmnt: SCJG
lines:
  - number: 1
    name: 甲
    items: []
    lead: SCJG
    ratios: {A: 1, B: 2, C: 10}
    focuss: 重点
    scope: {district: [城关镇], kinds: [船]}
    window: {start: 2026-03-01, end: 2026-02-01}
"""


def test_every_mistake_in_the_file_is_named_by_line(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        parse_plan(BROKEN)
    assert caught.value.fields == {
        "第1行 code": "应是文字（数字请加引号）",
        "第1行 department": "缺少这一项",
        "第4行 departmnt": "没有“departmnt”这一项，是不是“department”？",
        "第8行 lines[0].items": "至少要有1项",
        "第10行 lines[0].ratios": "缺少等级D的比例；不抽查请写0",
        "第11行 lines[0].focuss": "没有“focuss”这一项，是不是“focus”？",
        "第12行 lines[0].scope.district": "没有“district”这一项，是不是“districts”？",
        "第12行 lines[0].scope.kinds": (
            "只能是BUSINESS、EQUIPMENT、PRODUCT、PROJECT、BEHAVIOUR，或企业、设备、产品、项目、行为"
        ),
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "是空的"),
        ("- a", "不是“名称: 值”"),
        ("a: [1", "格式有误"),
        ("a: &x 1\nb: *x", "引用"),
        ("a: 1\na: 2", "第2行重复了“a”"),
        ("a: \x00", "不是文字"),
        ("code: !!python/object:os.system x", "计划文件读不懂"),
        ("x" * (1 << 21), "太大"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_in_words(body: str, said: str) -> None:
    with pytest.raises(Problem, match=said):
        parse_plan(body)


@pytest.mark.parametrize(
    ("ratios", "said"),
    [
        ({**RATIOS, "E": 1}, "不认识的信用风险等级E"),
        ({**RATIOS, "A": "多"}, "等级A："),
        (101, "0 到 100"),
        ({**RATIOS, "A": {"x": 1}}, "不认识"),
    ],
)
def test_a_ratio_that_is_none_is_named(ratios: Any, said: str) -> None:
    with pytest.raises(Problem, match=said):
        parse_plan(text(line(ratios=ratios)))


def test_the_window_runs_forward_and_numbers_differ() -> None:
    with pytest.raises(Problem, match="早于"):
        parse_plan(text(line(window={"start": dt.date(2026, 3, 2), "end": dt.date(2026, 3, 1)})))
    with pytest.raises(Problem, match="行号1用了两次"):
        parse_plan(text(line(), line()))


# -- strata of one's own, uplifts, floors, batches (C9, C11) ------------------------------------------------------

NEW_TOWN = {"name": "新区", "districts": ["新区"], "number": 2}
COMPLAINTS = {"label": "投诉举报多", "times": 2}


def test_c9_strata_uplifts_and_a_floor_come_from_the_plan_and_stand_in_it(ready: Database) -> None:
    plan = bring_plan(
        ready,
        line(items=["K-1"], strata=[NEW_TOWN], uplifts=[COMPLAINTS, {"label": "严重违法失信", "ratio": 50}], floor=9,
             exclude_months=6, batch_size=4, batch_opens=[dt.date(2026, 3, 2), dt.date(2026, 4, 1)]),
    )  # fmt: skip
    [stored] = ready.read_now(plan_lines, plan.id or 0)
    assert stored.strata == [{"name": "新区", "who": {"districts": ["新区"]}, "rule": {"number": 2}}]
    assert stored.uplifts == [{"label": "投诉举报多", "times": "2"}, {"label": "严重违法失信", "ratio": "50"}]
    assert (stored.floor, stored.exclude_months, stored.batch_opens) == (9, 6, ["2026-03-02", "2026-04-01"])


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"strata": [{"name": "A", "ratio": 1}]}, "名称不能是A、B、C、D"),
        ({"strata": [{"name": "x↑y", "ratio": 1}]}, "不能含“↑”"),
        ({"strata": [{"name": "x", "ratio": 101}]}, "抽查比例应在 0 到 100 之间"),
        ({"strata": [{"name": "x", "ratio": 1, "classes": ["E"]}]}, "不认识的等级E"),
        (
            {"strata": [{"name": "层" * 30, "ratio": 1}], "uplifts": [{"label": "签" * 30, "times": 2}]},
            "合起来太长，最多 59 字",
        ),
        ({"strata": [NEW_TOWN, NEW_TOWN]}, "strata 里有重复的名称"),
        ({"strata": [{"name": "x", "rato": 1}]}, "没有“rato”这一项，是不是“ratio”？"),
        ({"uplifts": [{"label": "x"}]}, "要写一个，只写一个"),
        ({"uplifts": [{"label": "x", "times": 2, "ratio": 5}]}, "要写一个，只写一个"),
        ({"uplifts": [{"label": "x", "times": 1}]}, "应大于1"),
        ({"batch_opens": [dt.date(2026, 3, 2)]}, "就要写 batch_size"),
        ({"batch_size": 4, "batch_opens": [dt.date(2027, 3, 2)]}, "在检查期限之内"),
        ({"batch_size": 4, "batch_opens": [dt.date(2026, 4, 2), dt.date(2026, 3, 2)]}, "按先后排列"),
        ({"floor": -1}, "不能小于0"),
    ],
)
def test_a_mistake_in_strata_uplifts_or_batches_is_named(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_plan(text(line(**changed)))
    assert why in str(caught.value)


def test_c9_an_uplift_is_an_increase_that_the_upper_level_must_authorise(ready: Database) -> None:
    lifted = line(items=["U-1"], authorisation="省局〔2026〕3号")
    bring_plan(ready, lifted)
    with pytest.raises(Problem, match="抽查比例由上级确定"):
        bring_plan(ready, line(items=["U-1"], uplifts=[COMPLAINTS]))
