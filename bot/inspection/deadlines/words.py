"""What people call the kinds of deadlines and those who hear of them."""

from __future__ import annotations

from bot.inspection.profile.terms import Role

KINDS_ZH = {
    "plan": "部门年度计划",
    "joint_plan": "联合抽查计划",
    "yearly_results": "年度结果公示",
    "supervision": "督办事项",
    "libraries": "两库确认",
    "approval": "检查审批",
    "urgent_approval": "紧急检查审批",
    "assignment": "任务接收",
    "visit_day": "检查日",
    "visit_window": "检查期限",
    "review": "结果审核",
    "publicity": "公示期限",
    "decision": "处理决定",
    "correction": "整改期限",
    "transfer": "移送回执",
    "clue": "线索核查",
    "return_visit": "回访",
    "crime_decision": "涉嫌犯罪移送决定",
    "crime_transfer": "涉嫌犯罪移送",
    "commission": "委托报告",
    "certificate": "执法证有效期",
}
WHO_ZH = {
    Role.OFFICER: "检查人员",
    Role.PLANNER: "部门负责人",
    Role.PARTNER: "同行人员",
    Role.LEAD: "部门负责人",
    Role.REVIEWER: "审核人",
    Role.DEPARTMENT: "上级部门",
    Role.COORDINATOR: "联席办",
    Role.HANDLER: "经办人",
    Role.ENTERPRISE: "企业联络员",
    Role.RECEIVER: "接收单位",
    Role.LIBRARIAN: "名录库管理员",
    Role.HEAD: "单位负责人",
    Role.LEGAL: "法制机构",
    Role.APPROVER: "审批人",
}
