"""The sheets of departments, officers (执法检查人员), other people and enterprise contacts (联络员)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bot.core.cells import account, day, email, mobile
from bot.core.columns import Column, Fault, Layout, Need, choice, choices, text, words
from bot.inspection.people.models import Role

ROLES: Final[Mapping[str, Role]] = {
    "负责人": Role.LEAD,
    "单位负责人": Role.HEAD,
    "局长": Role.HEAD,
    "审核人": Role.REVIEWER,
    "联席办": Role.COORDINATOR,
    "管理员": Role.ADMIN,
    "法制机构": Role.LEGAL,
    "科室负责人": Role.LEAD,
    "组长": Role.LEAD,
    "联席会议办公室": Role.COORDINATOR,
    "名录库管理员": Role.ADMIN,
    "执法人员": Role.OFFICER,  # on the certificate list, not yet in the library (M3)
    "执法检查人员": Role.OFFICER,
}
AT_WORK: Final[Mapping[str, bool]] = {
    "在职": True,
    "离职": False,
    "在岗": True,
    "调离": False,
    "退休": False,
    "停用": False,
}
_CODE = re.compile(r"[^\s,，、;；|]{1,64}")
_CERTIFICATE = re.compile(r"[0-9A-Za-z-]{4,32}")


def person_code(cell: str) -> str:
    """The stable external id of a person: 1 to 64 characters without blanks and separators."""
    if _CODE.fullmatch(cell) is None:
        raise ValueError("编号应为1至64个字符，不含空格和分隔符")
    return cell


def department_code(cell: str) -> str:
    """A department's code: as a person's, at most 32 characters."""
    if len(person_code(cell)) > 32:
        raise ValueError(f"部门编号最多32个字符，现为{len(cell)}个")
    return cell


def certificate(cell: str) -> str:
    """An enforcement certificate number (执法证号): 4 to 32 letters, digits, hyphens (field guide 5)."""
    if _CERTIFICATE.fullmatch(cell) is None:
        raise ValueError("执法证号应为4至32位字母、数字或横线")
    return cell


def validity_rule(values: Mapping[str, Any]) -> Fault | None:
    """A certificate does not end before it begins."""
    if values["valid_from"] > values["valid_to"]:
        return Fault("有效期止", values["valid_to"].isoformat(), "有效期止早于有效期起")
    return None


_NAME = Column(
    "name", "姓名", text(64), need=Need.FILLED, aliases=("人员姓名", "联系人姓名", "联系人", "联络员")
)
_CODE_COLUMN = Column(
    "code",
    "人员编号",
    person_code,
    need=Need.FILLED,
    note="不变的编号，例如工号",
    aliases=("工号", "编号", "人员编码"),
)
_DEPARTMENT = Column(
    "department",
    "部门",
    text(100),
    need=Need.FILLED,
    note="部门编号或名称，须已导入",
    aliases=("部门编号", "所属部门", "所在部门", "单位", "所属单位", "执法单位"),
)
_MOBILE = Column("mobile", "手机", mobile, aliases=("手机号", "手机号码", "联系电话", "电话"))
_ACCOUNTS = (
    Column(
        "wecom",
        "企业微信账号",
        account,
        note="通讯录里的账号（UserID）",
        aliases=("企业微信", "企微账号", "企业微信UserID"),
    ),
    Column(
        "dingtalk", "钉钉账号", account, note="通讯录里的 UserID", aliases=("钉钉", "钉钉UserID", "钉钉工号")
    ),
    Column(
        "email", "邮箱", email, note="聊天送不到时使用", aliases=("电子邮箱", "邮件地址", "Email", "E-mail")
    ),
)
_AT_WORK = Column(
    "active",
    "人员状态",
    choice(AT_WORK),
    default=True,
    note="在职或离职；默认在职",
    aliases=("状态", "在职状态"),
)

DEPARTMENTS: Final = Layout(
    kind="departments",
    title="部门名单",
    key=("code",),
    columns=(
        Column("code", "编号", department_code, need=Need.FILLED, aliases=("部门编号", "部门代码", "代码")),
        Column("name", "名称", text(100), need=Need.FILLED, aliases=("部门名称", "部门", "单位名称")),
        Column(
            "parent",
            "上级",
            text(100),
            note="上级部门的编号或名称，可在同一文件",
            aliases=("上级部门", "上级编号", "上级部门编号"),
        ),
        Column("territory", "区域", text(100), aliases=("管辖区域", "辖区", "行政区划")),
    ),
)

OFFICERS: Final = Layout(
    kind="officers",
    title="执法检查人员名录",
    key=("code",),
    columns=(
        _CODE_COLUMN,
        _NAME,
        _DEPARTMENT,
        Column(
            "certificate_no",
            "执法证号",
            certificate,
            need=Need.FILLED,
            note="4至32位字母、数字、横线，不得重复",
            aliases=("行政执法证号", "执法证件号", "执法证编号", "证件号"),
        ),
        Column("category", "人员类别", text(40), default="行政执法类公务员", aliases=("类别", "人员性质")),
        Column(
            "valid_from",
            "有效期起",
            day,
            need=Need.FILLED,
            note="例如2024-01-01",
            aliases=("证件有效期起", "发证日期", "有效期开始"),
        ),
        Column(
            "valid_to",
            "有效期止",
            day,
            need=Need.FILLED,
            note="例如2028-12-31，或长期",
            aliases=("证件有效期止", "有效期至", "有效期结束"),
        ),
        Column(
            "labels",
            "专业标签",
            words,
            default=(),
            note="多个用、隔开，例如特种设备、食品",
            aliases=("专业", "专业特长", "标签", "业务专长", "资格"),
        ),
        Column("territory", "执法区域", text(100), note="留空表示全域", aliases=("区域", "辖区")),
        _MOBILE,
        *_ACCOUNTS,
        _AT_WORK,
    ),
    rules=(validity_rule,),
)

PEOPLE: Final = Layout(
    kind="people",
    title="其他工作人员名单",
    key=("code",),
    columns=(
        _CODE_COLUMN,
        _NAME,
        _DEPARTMENT,
        Column(
            "roles",
            "角色",
            choices(ROLES),
            need=Need.FILLED,
            note="负责人、审核人、联席办、管理员、执法人员；多个用、隔开",
            aliases=("岗位", "职责"),
        ),
        _MOBILE,
        *_ACCOUNTS,
        _AT_WORK,
    ),
)

CONTACTS: Final = Layout(
    kind="contacts",
    title="企业联络员名单",
    key=("code", "object_code"),
    columns=(
        Column(
            "code",
            "联系人编号",
            person_code,
            need=Need.FILLED,
            note="不变的编号；一人可联络多家企业，每家一行",
            aliases=("联络员编号", "人员编号", "编号"),
        ),
        _NAME,
        _MOBILE,
        Column(
            "object_code",
            "企业代码",
            text(40),
            need=Need.FILLED,
            note="检查对象的统一社会信用代码或编号，须已导入",
            aliases=("统一社会信用代码", "企业统一社会信用代码", "对象编号", "检查对象"),
        ),
        Column(
            "duty",
            "职务",
            text(20),
            default="联络员",
            note="例如法定代表人、负责人；默认联络员",
            aliases=("身份",),
        ),
        *_ACCOUNTS,
        _AT_WORK,
    ),
)

LAYOUTS: Final[Mapping[str, Layout]] = {
    layout.kind: layout for layout in (DEPARTMENTS, OFFICERS, PEOPLE, CONTACTS)
}
