"""May this document become a plan: departments, items in use, caps, ratio authority, mandatory fields."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session

from bot.core.errors import Problem
from bot.inspection.people.departments import department_ids
from bot.inspection.plans.document import Line, PlanDocument
from bot.inspection.plans.library import cap_of, line_rules, sizes
from bot.inspection.plans.models import PlanLine
from bot.inspection.plans.ratio import base_problem, preview
from bot.inspection.profile import Profile
from bot.inspection.registry.classes import scale_of
from bot.inspection.registry.items import latest_items
from bot.inspection.registry.models import Item


class Checker:
    """Checks one document and makes its lines; ``Problem`` ``plan_refused`` names all that is wrong."""

    def __init__(self, session: Session, document: PlanDocument, profile: Profile) -> None:
        self._session, self._document, self._profile = session, document, profile
        self._departments = department_ids(session)
        self._items = latest_items(session, {code for line in document.lines for code in line.items})

    def lines(self, before: Sequence[PlanLine]) -> list[PlanLine]:
        """The lines as rows without a plan yet. *before*: the lines of the version that stands."""
        wrong: dict[str, str] = {}
        if self._document.department not in self._departments:
            wrong["制定部门"] = f"没有部门“{self._document.department}”"
        old = {line.number: line for line in before}
        for line in self._document.lines:
            if problems := self._problems(line, old.get(line.number)):
                wrong[f"第{line.number}条{line.name}"] = "；".join(problems)
        if wrong:
            raise Problem("plan_refused", "计划不能导入", **wrong)
        return [self._row(line) for line in self._document.lines]

    def _problems(self, line: Line, old: PlanLine | None) -> list[str]:
        unknown = [name for name in (line.lead, *line.joint) if name not in self._departments]
        problems = [f"没有部门“{name}”" for name in unknown]
        items = [self._items[code] for code in line.items if code in self._items]
        problems += [f"清单里没有事项{code}" for code in line.items if code not in self._items]
        problems += [f"事项{item.code}已停用，不得检查" for item in items if not item.active]
        problems += [f"缺少{field}" for field in _missing_fields(line, items, self._profile)]
        if problem := self._ratio_problem(line, items, old):
            problems.append(problem)
        return problems

    def _ratio_problem(self, line: Line, items: Sequence[Item], old: PlanLine | None) -> str | None:
        """The cap (see ``ratio``), a class A ratio of nought, the upper level's authority (SC-4.2.2)."""
        rules = line.rules()
        low = rules["A"]
        if not self._profile.items.low_risk_may_be_zero and not (low.ratio or low.number or low.minimum):
            return "本地配置不允许A类比例为0"
        changed = old is None or _how_many(old) != _how_many(self._row(line))
        if changed and not line.authorisation and any(item.ratio_authority == "UPPER" for item in items):
            return "抽查比例由上级确定，请在 authorisation 写明上级文件或授权文号"
        cap = cap_of(items)
        if cap is None:
            return None
        scale = scale_of(item.field for item in items)
        row = self._row(line)
        now = sizes(self._session, row, scale=scale)
        return base_problem(rules, cap) or preview(now, line_rules(row, now), cap=cap).problem

    def _row(self, line: Line) -> PlanLine:
        ids = [self._items[code].id or 0 for code in line.items if code in self._items]
        return PlanLine(
            plan_id=0, number=line.number, name=line.name, item_ids=ids,
            lead_department_id=self._departments.get(line.lead, 0),
            joint_department_ids=[self._departments.get(name, 0) for name in line.joint],
            ratios=line.ratios, strata=[one.as_dict() for one in line.strata],
            uplifts=[one.as_dict() for one in line.uplifts], floor=line.floor, exclude_months=line.exclude_months,
            batch_opens=[day.isoformat() for day in line.batch_opens], scope=line.scope.as_dict(),
            focus=line.focus, method=line.method,
            officers_per_visit=max(line.officers_per_visit, self._profile.draw.officers_min),
            batch_size=line.batch_size, window_start=line.window_start, window_end=line.window_end,
        )  # fmt: skip


def _how_many(line: PlanLine) -> tuple[object, ...]:
    """What only the upper level may raise (SC-4.2.2): ratios and every rule beside them, and the scope."""
    return line.ratios, line.strata or [], line.uplifts or [], line.floor or 0, line.scope or {}


def _missing_fields(line: Line, items: Sequence[Item], profile: Profile) -> list[str]:
    """Mandatory fields of the profile that are empty.

    ``ratio``, ``probability``, ``window`` and ``lead`` are required by the file's own shape; ``frequency`` is
    one visit per object and line; ``participants`` and ``level`` are those of the departments named.
    """
    there = {
        "item": bool(line.items),
        "object": bool(line.scope.as_dict()) or any(item.target for item in items),
        "focus": bool(line.focus.strip()),
        "method": bool(line.method.strip()),
    }
    names = {"item": "抽查事项", "object": "检查对象", "focus": "检查重点", "method": "检查方式"}
    return [names[field] for field in profile.plan.mandatory_fields if not there.get(field, True)]
