"""The published words of each result code, what it needs and what follows (field guide 2.2)."""

from __future__ import annotations

from dataclasses import dataclass

from bot.inspection.checklists.outcomes import WEIGHT, WHOLE_VISIT, ResultCode

__all__ = ["LABELS", "WEIGHT", "WHOLE_VISIT", "Label", "ResultCode", "label_of"]


@dataclass(frozen=True, slots=True)
class Label:
    """A result as people read it; ``published`` is the exact text of the public record.

    ``needs`` names the evidence in Chinese, ``follows`` what happens next; ``is_problem`` counts for M6.
    """

    code: ResultCode
    published: str
    meaning: str
    needs: tuple[str, ...]
    follows: str
    is_problem: bool = False


def _label(
    code: str, published: str, meaning: str, needs: str, follows: str, *, is_problem: bool = False
) -> Label:
    return Label(ResultCode(code), published, meaning, tuple(needs.split("、")), follows, is_problem)


_ALL = (
    _label("R01", "未发现问题", "本事项未发现问题", "全部必答项", "公示后办结"),
    _label(
        "R02", "未按规定公示应当公示的信息", "年度报告或即时信息未公示", "系统截图或打印件",
        "责令限期公示；逾期不公示的，期满后10个工作日内列入经营异常名录", is_problem=True,
    ),
    _label(
        "R03", "公示信息隐瞒真实情况、弄虚作假", "公示的数据不真实", "对比证据",
        "查实后10个工作日内列入经营异常名录", is_problem=True,
    ),
    _label(
        "R04", "通过登记的住所（经营场所）无法联系", "在登记地址联系不上",
        "现场照片、信函或通话记录、联系次数", "查实后10个工作日内列入经营异常名录", is_problem=True,
    ),
    _label(
        "R05", "发现问题已责令改正", "发现问题，已责令改正或已改正", "责令改正文书、改正期限、改正后照片",
        "规定期限的，到期复查", is_problem=True,
    ),
    _label(
        "R06", "不配合检查情节严重", "严重拒绝、阻挠检查", "录音录像、见证人、文字说明",
        "公示并依法处理", is_problem=True,
    ),
    _label(
        "R07", "未发现开展本次抽查涉及的经营活动", "主体存在，但未从事该项经营活动", "现场照片、情况说明",
        "公示；通知名录库管理员调整标签",
    ),
    _label(
        "R08", "发现问题待后续处理", "问题需要立案、移送或作出决定", "问题描述、后续处置编号",
        "后续处置计时；作出决定后更新公示", is_problem=True,
    ),
    _label("R21", "已关闭停业或正在组织清算", "已停业或正在清算", "登记状态证据", "公示；更新名录库"),
    _label("R22", "注销", "已办理注销登记", "登记状态证据", "公示；更新名录库"),
    _label("R23", "被吊销", "被吊销营业执照", "登记状态证据", "公示；更新名录库"),
    _label("R24", "被撤销", "被撤销登记", "登记状态证据", "公示；更新名录库"),
    _label("R25", "迁出", "已迁出本辖区", "登记状态证据", "公示；更新名录库"),
)  # fmt: skip

LABELS: dict[ResultCode, Label] = {label.code: label for label in _ALL}


def label_of(code: str) -> str:
    """Give the published text of *code*; raises ValueError for a foreign code."""
    return LABELS[ResultCode(code)].published
