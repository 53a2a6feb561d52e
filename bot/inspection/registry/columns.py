"""The sheets of the item list (一单) and of the object library (名录库): headers, aliases, cells, rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bot.core.cells import percent
from bot.core.columns import Column, Fault, Layout, Need, choice, text, words
from bot.inspection.registry.codes import register_number_problem, uscc_problem
from bot.inspection.registry.models import ItemClass, NoticeMode, ObjectKind, ObjectStatus
from bot.inspection.registry.places import PLACE_COLUMNS, place_rule
from bot.inspection.registry.words import (
    AUTHORITY,
    CLASSES,
    CREDIT,
    IN_USE,
    KINDS,
    LETTERS,
    NO_QUALIFICATION,
    NOTICE,
    STATUS,
)

_CODE = re.compile(r"[0-9A-Za-z\u4e00-\u9fff._-]{1,32}")


def short_code(cell: str) -> str:
    """A code of ours: letters, digits, Chinese characters, dots, hyphens, at most 32."""
    if _CODE.fullmatch(cell) is None:
        raise ValueError("编号只能含汉字、字母、数字、点、横线和下划线，最多32个字符")
    return cell


def cap(cell: str) -> float | None:
    """The cap of an item in percent; 不设 and 100% mean none."""
    if cell in {"不设", "无", "不设上限"}:
        return None
    value = percent(cell)
    return None if value == 100 else value


def qualification(cell: str) -> str:
    """The label an officer needs; 无 and 否 mean none."""
    return "" if cell in NO_QUALIFICATION else str(text(40)(cell))


def index(cell: str) -> int:
    """A risk index: a whole number from 0 to 100,000."""
    if not cell.isascii() or not cell.isdigit() or int(cell) > 100_000:
        raise ValueError("应是0至100000的整数")
    return int(cell)


def user_unit(cell: str) -> str:
    """The credit code of the business that uses the equipment."""
    if problem := uscc_problem(cell):
        raise ValueError(problem)
    return cell


def object_code_rule(values: Mapping[str, Any]) -> Fault | None:
    """A business has a credit code, everything else the register number of its kind (field guide 4)."""
    code = values["code"]
    judge = uscc_problem if values["kind"] is ObjectKind.BUSINESS else register_number_problem
    problem = judge(code)
    return Fault("统一社会信用代码/编号", code, problem) if problem else None


def user_unit_rule(values: Mapping[str, Any]) -> Fault | None:
    """Only equipment has a user unit."""
    if values["user_unit_code"] and values["kind"] is not ObjectKind.EQUIPMENT:
        return Fault("使用单位代码", values["user_unit_code"], "只有设备填写使用单位代码")
    return None


def cap_rule(values: Mapping[str, Any]) -> Fault | None:
    """GENERAL items need a cap, KEY items have none (YL-3.2.d, LZ-2.2.c)."""
    if values["klass"] is ItemClass.GENERAL and values["cap_percent"] is None:
        return Fault("比例上限", "", "一般检查事项必须填写比例上限（小于100%）")
    if values["klass"] is ItemClass.KEY and values["cap_percent"] is not None:
        return Fault("比例上限", f"{values['cap_percent']:g}%", "重点检查事项不设比例上限，请留空")
    return None


def basis_rule(values: Mapping[str, Any]) -> Fault | None:
    """An item in use has a legal basis (C2)."""
    if values["active"] and not values["basis"]:
        return Fault("检查依据", "", "缺少抽查依据")
    return None


OBJECTS: Final = Layout(
    kind="objects",
    title="检查对象名录",
    key=("code",),
    columns=(
        Column(
            "code",
            "统一社会信用代码/编号",
            text(40),
            need=Need.FILLED,
            note="企业填18位代码，设备等填登记编号",
            aliases=(
                "统一社会信用代码",
                "信用代码",
                "社会信用代码",
                "统一信用代码/注册号",
                "编号",
                "代码",
                "设备登记编号",
                "使用登记证编号",
                "对象编号",
            ),
        ),
        Column(
            "kind",
            "类型",
            choice(KINDS),
            default=ObjectKind.BUSINESS,
            note="默认企业",
            aliases=("对象类型", "主体类型", "检查对象类型"),
        ),
        Column(
            "name",
            "名称",
            text(200),
            need=Need.FILLED,
            aliases=(
                "企业名称",
                "检查对象名称",
                "对象名称",
                "主体名称",
                "市场主体名称",
                "单位名称",
                "设备名称",
            ),
        ),
        Column(
            "address",
            "地址",
            text(300),
            aliases=("住所", "经营场所", "经营地址", "住所（经营场所）", "使用地点"),
        ),
        *PLACE_COLUMNS,
        Column(
            "district", "区域", text(60), aliases=("镇街", "乡镇", "所属区域", "辖区", "行政区划", "属地")
        ),
        Column("industry", "行业", text(60), aliases=("领域", "所属行业", "行业门类", "抽查领域", "分库")),
        Column(
            "credit_class",
            "信用风险等级",
            choice(CREDIT),
            default="B",
            note="A–D，或低、一般、较高、高；默认B",
            aliases=("信用风险分类", "信用等级", "风险等级", "信用风险类别"),
        ),
        Column(
            "risk_index",
            "信用风险指数",
            index,
            default=None,
            note="整数，越大风险越高；留空不改变",
            aliases=("风险指数", "信用风险分值"),
        ),
        Column(
            "food_class",
            "食品安全风险等级",
            choice(LETTERS),
            note="A–D，只用于食品事项，与信用风险等级分开",
            aliases=("食品风险等级", "食品安全风险分级"),
        ),
        Column(
            "status",
            "状态",
            choice(STATUS),
            default=ObjectStatus.ACTIVE,
            note="存续、注销、吊销、迁出；默认存续",
            aliases=("登记状态", "经营状态", "主体状态", "企业状态"),
        ),
        Column("labels", "标签", words, default=(), note="多个用、或；隔开", aliases=("标记", "对象标签")),
        Column(
            "user_unit_code",
            "使用单位代码",
            user_unit,
            note="只用于设备：使用单位的统一社会信用代码",
            aliases=("使用单位统一社会信用代码", "使用单位信用代码"),
        ),
    ),
    rules=(object_code_rule, user_unit_rule, place_rule),
)

ITEMS: Final = Layout(
    kind="items",
    title="抽查事项清单",
    key=("code",),
    columns=(
        Column(
            "code",
            "编号",
            short_code,
            need=Need.FILLED,
            aliases=("事项编号", "事项编码", "序号", "抽查事项编号"),
        ),
        Column(
            "name",
            "抽查事项",
            text(200),
            need=Need.FILLED,
            aliases=("事项名称", "检查事项", "抽查事项名称", "名称"),
        ),
        Column("content", "抽查内容", text(2000), aliases=("检查内容", "内容")),
        Column("field", "抽查领域", text(60), aliases=("领域", "检查领域")),
        Column("target", "检查对象", text(100), aliases=("抽查对象", "对象")),
        Column(
            "klass",
            "事项类别",
            choice(CLASSES),
            need=Need.FILLED,
            note="重点或一般",
            aliases=("类别", "事项分类"),
        ),
        Column(
            "cap_percent",
            "比例上限",
            cap,
            default=None,
            note="一般事项必填，例如5%；重点事项留空",
            aliases=("抽查比例上限", "上限", "比例上限（%）", "比例上限%"),
        ),
        Column(
            "basis",
            "检查依据",
            text(4000),
            need=Need.PRESENT,
            note="在用事项必填",
            aliases=("抽查依据", "法律依据", "设定依据", "依据"),
        ),
        Column(
            "method",
            "检查方式",
            text(60),
            default="实地检查",
            note="默认实地检查",
            aliases=("抽查方式", "检查方法", "方式"),
        ),
        Column(
            "notice_mode",
            "告知方式",
            choice(NOTICE),
            default=NoticeMode.ADVANCE,
            note="提前、现场、不告知；默认提前",
        ),
        Column("checklist_code", "检查表", short_code, aliases=("检查表编号", "检查表代码")),
        Column(
            "label_required",
            "资格要求",
            qualification,
            note="执法人员须有的专业标签；没有就留空或填无",
            aliases=("专业资格要求", "岗位资格要求", "人员要求"),
        ),
        Column(
            "department",
            "检查主体",
            text(100),
            note="部门编号或名称，须已导入",
            aliases=("部门", "发起部门", "牵头部门", "抽查主体", "检查主体编号"),
        ),
        Column(
            "active", "状态", choice(IN_USE), default=True, note="在用、停用；默认在用", aliases=("事项状态",)
        ),
        Column(
            "ratio_authority",
            "比例权限",
            choice(AUTHORITY),
            default="SELF",
            note="本级或上级；默认本级",
            aliases=("比例确定权限",),
        ),
    ),
    rules=(cap_rule, basis_rule),
)

LAYOUTS: Final[Mapping[str, Layout]] = {layout.kind: layout for layout in (OBJECTS, ITEMS)}
