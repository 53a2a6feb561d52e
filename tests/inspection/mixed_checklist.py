"""A made-up checklist with a question of every type, for the tests of forms and chat."""

from __future__ import annotations

from bot.inspection.checklists.definition import parse_checklist

METHODS = ["实地检查", "书面检查", "网络监测"]
MIXED = parse_checklist(
    {
        "code": "T-1",
        "version": 1,
        "name": "测试",
        "questions": [
            {
                "key": "1",
                "text": "是否经营冷冻食品？",
                "type": "YN",
                "on_bad": {"codes": ["R05"], "action": "ORDER"},
            },
            {
                "key": "2",
                "text": "冷柜温度",
                "type": "NUMBER",
                "unit": "℃",
                "min": -60,
                "max": 60,
                "when": {"1": "是"},
            },
            {"key": "3", "text": "许可证到期日", "type": "DATE"},
            {
                "key": "4",
                "text": "经营方式",
                "type": "ENUM",
                "options": ["零售", "批发", "无证"],
                "bad_options": ["无证"],
                "on_bad": {"codes": ["R08"], "action": "CASE", "needs": ["note"]},
            },
            {
                "key": "5",
                "text": "检查方式",
                "type": "MULTI",
                "options": ["实地检查", "书面检查", "网络监测"],
            },
            {"key": "6", "text": "门头照片", "type": "PHOTO"},
            {"key": "7", "text": "备注", "type": "TEXT", "required": False},
            {"key": "8", "text": "营业面积", "type": "NUMBER", "unit": "平方米", "required": False},
        ],
    }
)
