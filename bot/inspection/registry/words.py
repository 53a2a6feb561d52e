"""What people write in the sheets of the registry, and what it means. Add a spelling here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.core.coordinates import System
from bot.inspection.registry.models import ItemClass, NoticeMode, ObjectKind, ObjectStatus

KINDS: Final[Mapping[str, ObjectKind]] = {
    "企业": ObjectKind.BUSINESS,
    "个体工商户": ObjectKind.BUSINESS,
    "农民专业合作社": ObjectKind.BUSINESS,
    "经营主体": ObjectKind.BUSINESS,
    "市场主体": ObjectKind.BUSINESS,
    "单位": ObjectKind.BUSINESS,
    "设备": ObjectKind.EQUIPMENT,
    "特种设备": ObjectKind.EQUIPMENT,
    "产品": ObjectKind.PRODUCT,
    "项目": ObjectKind.PROJECT,
    "行为": ObjectKind.BEHAVIOUR,
}
CREDIT: Final[Mapping[str, str]] = {
    "A": "A",
    "B": "B",
    "C": "C",
    "D": "D",
    "低": "A",
    "一般": "B",
    "较高": "C",
    "高": "D",
    "低风险": "A",
    "一般风险": "B",
    "中": "B",
    "较高风险": "C",
    "高风险": "D",
    "A类": "A",
    "B类": "B",
    "C类": "C",
    "D类": "D",
    "A级": "A",
    "B级": "B",
    "C级": "C",
    "D级": "D",
}
LETTERS: Final[Mapping[str, str]] = {f"{c}{end}": c for end in ("", "级", "类") for c in "ABCD"}
STATUS: Final[Mapping[str, ObjectStatus]] = {
    "存续": ObjectStatus.ACTIVE,
    "注销": ObjectStatus.DEREGISTERED,
    "吊销": ObjectStatus.REVOKED,
    "迁出": ObjectStatus.MOVED,
    "在营": ObjectStatus.ACTIVE,
    "开业": ObjectStatus.ACTIVE,
    "在用": ObjectStatus.ACTIVE,
    "存续（在营、开业、在册）": ObjectStatus.ACTIVE,
    "吊销未注销": ObjectStatus.REVOKED,
    "报废": ObjectStatus.DEREGISTERED,
}
CLASSES: Final[Mapping[str, ItemClass]] = {
    "重点": ItemClass.KEY,
    "一般": ItemClass.GENERAL,
    "重点检查事项": ItemClass.KEY,
    "一般检查事项": ItemClass.GENERAL,
}
NOTICE: Final[Mapping[str, NoticeMode]] = {
    "提前": NoticeMode.ADVANCE,
    "现场": NoticeMode.ON_SITE,
    "不告知": NoticeMode.UNANNOUNCED,
    "提前告知": NoticeMode.ADVANCE,
    "现场告知": NoticeMode.ON_SITE,
    "飞行检查": NoticeMode.UNANNOUNCED,
}
SYSTEMS: Final[Mapping[str, System]] = {
    "WGS-84": System.WGS84,
    "GCJ-02": System.GCJ02,
    "WGS84": System.WGS84,
    "GPS": System.WGS84,
    "天地图": System.WGS84,  # CGCS2000: centimetres from WGS-84
    "CGCS2000": System.WGS84,
    "国家2000": System.WGS84,
    "GCJ02": System.GCJ02,
    "高德": System.GCJ02,
    "高德地图": System.GCJ02,
    "腾讯": System.GCJ02,
    "腾讯地图": System.GCJ02,
    "火星坐标": System.GCJ02,
}
IN_USE: Final[Mapping[str, bool]] = {"在用": True, "停用": False, "草稿": False, "启用": True, "废止": False}
AUTHORITY: Final[Mapping[str, str]] = {"本级": "SELF", "上级": "UPPER"}
NO_QUALIFICATION: Final = frozenset({"无", "否", "不需要", "无需", "无需专业岗位资格"})
