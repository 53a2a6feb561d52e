"""What is made public about one visit: an allow-list (field guide 2.1 and 13), and a guard over it. Pure."""

from __future__ import annotations

import datetime as dt
import hashlib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.canonical import canonical
from bot.core.errors import Problem
from bot.core.private import private_number
from bot.inspection.registry.codes import uscc_problem
from bot.inspection.results.labels import label_of

HEADER = (
    "raninsPlanId",
    "raninsPlaneName",
    "raninsTaskId",
    "raninsTaskName",
    "raninsTypeName",
    "insAuth",
    "insDate",
    "uniscid",
    "entName",
)
DETAIL = ("seqno", "raninsItemName", "raninsCheckResName")
HANDLING = ("handling", "handledOn")
OWN_NUMBERS = frozenset(
    {"raninsPlanId", "raninsTaskId"}
)  # made by us: area code, date and sequence look like an ID
FIELDS = {
    "raninsPlaneName": "抽查计划名称",
    "raninsTaskName": "抽查任务名称",
    "insAuth": "抽查机关",
    "uniscid": "统一社会信用代码",
    "entName": "名称",
    "details.raninsItemName": "检查事项",
}  # how people call what they typed
PENDING = label_of("R08")  # what stands for a finding until it is handled (decision D5)


@dataclass(frozen=True, slots=True)
class Finding:
    """The results of one item; ``pending`` hides them behind R08's label, ``handling`` is a fixed word."""

    item: str
    codes: tuple[str, ...]
    pending: bool = False
    handling: str = ""
    handled_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a public record may rest on. There is no field for a person."""

    plan_code: str
    plan_name: str
    task_number: str
    task_name: str
    targeted: bool
    authority: str
    inspected_on: dt.date
    object_code: str
    object_name: str
    findings: tuple[Finding, ...]


def snapshot(facts: Facts, *, publish_handling: bool) -> dict[str, Any]:
    """The public record, in the field names of the public credit system.

    Raises ``private_data`` when a text looks as if it held an ID, a mobile or a bank card number.
    """
    body: dict[str, Any] = {
        "raninsPlanId": facts.plan_code,
        "raninsPlaneName": facts.plan_name,
        "raninsTaskId": facts.task_number,
        "raninsTaskName": facts.task_name,
        "raninsTypeName": "定向" if facts.targeted else "不定向",
        "insAuth": facts.authority,
        "insDate": facts.inspected_on.isoformat(),
        "uniscid": facts.object_code,
        "entName": facts.object_name,
        "details": list(_details(facts.findings, publish_handling=publish_handling)),
    }
    refuse_private_data(body)
    return body


def fingerprint(body: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, in hex: who has the record can check it."""
    return hashlib.sha256(canonical(dict(body))).hexdigest()


def refuse_private_data(body: Mapping[str, Any]) -> None:
    """Raise ``private_data`` naming the fields; the message never repeats the number itself."""
    hits = {name: kind for name, text in _texts(body) if (kind := _private(name, text))}
    if hits:
        raise Problem("private_data", "公示内容疑似含有个人信息，没有公示。", **hits)


def shown_codes(codes: tuple[str, ...], *, pending: bool) -> list[str]:
    """The published labels of an item, worst first."""
    return [PENDING] if pending else [label_of(code) for code in codes]


def _details(findings: tuple[Finding, ...], *, publish_handling: bool) -> Iterator[dict[str, Any]]:
    number = 0
    for finding in findings:
        for label in shown_codes(finding.codes, pending=finding.pending):
            number += 1
            detail: dict[str, Any] = {
                "seqno": number,
                "raninsItemName": finding.item,
                "raninsCheckResName": label,
            }
            if publish_handling and finding.handling:
                detail["handling"] = finding.handling
                detail["handledOn"] = finding.handled_on.isoformat() if finding.handled_on else ""
            yield detail


def _texts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in body.items():
        if name == "details":
            for detail in value:
                yield from ((f"details.{key}", str(part)) for key, part in detail.items())
        else:
            yield name, str(value)


def _private(name: str, text: str) -> str:
    """The kind of personal number in *text*; empty when there is none. A valid credit code is none."""
    if name in OWN_NUMBERS:
        return ""
    plain = unicodedata.normalize("NFKC", text).upper()
    if name == "uniscid" and uscc_problem(plain) is None:
        return ""
    return private_number(plain)
