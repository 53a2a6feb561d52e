"""What the console calls the kinds, states and acts that the tables hold as words of code."""

from __future__ import annotations

TASK_STATES = {
    "DRAFT": "草稿",
    "APPROVED": "已批准",
    "LIBRARIES_CONFIRMED": "两库已确认",
    "OBJECTS_DRAWN": "已抽取",
    "DISPATCHED": "已派发",
    "IN_PROGRESS": "检查中",
    "COMPLETED": "已完成",
    "ARCHIVED": "已归档",
    "CANCELLED": "已取消",
    "SUSPENDED": "已中止",
    "TERMINATED": "已终止",
}
DRAW_STATES = {"COMMITTED": "已公布指纹", "REVEALED": "已揭示种子", "LOCKED": "名单已锁定", "VOID": "已作废"}
PLATFORMS = {"wecom": "企业微信", "dingtalk": "钉钉"}
KINDS = {
    "assignment": "检查任务",
    "assignment_overdue": "未接收名单",
    "assignment_reminder": "接收提醒",
    "console": "管理页面链接",
    "enterprise_notice": "检查通知书",
    "enterprise_record": "检查记录送达",
    "no_signature": "缺少签字",
    "notice_on_paper": "通知书改为当面送达",
    "recusal_decided": "回避决定",
    "recusal_request": "回避申请",
    "refused_inspection": "拒绝检查",
    "result_returned": "结果退回",
    "review_reminder": "审核提醒",
    "review_request": "待审核",
    "task_dispatched": "任务已派发",
    "training_missing": "缺少检查前培训",
    "visit_day": "今日检查",
    "visit_window": "检查期限提醒",
    "window_ending": "检查期将满",
}
ACTIONS = {
    "cards.refreshed": "更新卡片",
    "chat.handled": "处理聊天消息",
    "checklist.published": "发布检查表",
    "console.entered": "进入管理页面",
    "draw.committed": "公布抽取指纹",
    "draw.locked": "锁定抽取名单",
    "draw.revealed": "揭示随机种子",
    "evidence.seen": "查看证据",
    "form.opened": "打开检查表",
    "form.training_missing": "缺少检查前培训",
    "libraries.confirmed": "确认两库",
    "notice.read": "企业已阅通知书",
    "notices.settled": "消息送达情况",
    "recusal.asked": "申请回避",
    "recusal.denied": "不同意回避",
    "recusal.granted": "同意回避",
    "task.created": "生成任务",
    "task.dispatched": "派发任务",
    "task.in_progress": "开始检查",
    "task.urged": "提醒未接收人员",
    "visit.accepted": "接收任务",
    "visit.checked_in": "到场签到",
}
SUBJECTS = {
    "visit": "检查", "task": "任务", "draw": "抽取", "person": "人员", "followup": "后续处置", "plan": "计划",
    "officer": "选派", "checklist": "检查表", "publication": "公示", "notices": "消息",
}  # fmt: skip


def subject_words(subject: str) -> str:
    """``visit:17`` as ``检查 17``; what has no word is shown as it is."""
    kind, _, number = subject.partition(":")
    return f"{SUBJECTS[kind]} {number}" if kind in SUBJECTS else subject
