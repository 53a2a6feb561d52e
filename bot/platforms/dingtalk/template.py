"""The definition of our card in the shape that the card platform imports. Pure; see docs/guides/dingtalk.zh-CN.md.

``python -m bot.platforms.dingtalk.template`` prints the file. Its variables are those of
:data:`bot.platforms.dingtalk.cards.VARIABLES`, so file and sender cannot drift apart. Shape: the editor's export
in open-dingtalk/dingtalk-card-examples (``editorData``, ``schemaVersion`` 2.0.0); no page documents it.
"""

from __future__ import annotations

import json
from typing import Any

KINDS = {  # variable -> type in the editor, and what it shows
    "title": ("string", "标题"),
    "body": ("markdown", "正文"),
    "facts": ("loopArray", "名称与内容两列"),
    "buttons": ("buttonGroup", "按钮：回传或打开网页"),
    "url": ("string", "查看详情的链接"),
    "done": ("boolean", "卡片已结束"),
    "status": ("string", "结束后代替按钮的一句话"),
}
COMPONENTS = ("StdCard", "Markdown", "LoopContainer", "ButtonGroup", "ButtonBlock")
MOCK = {
    "title": "检查任务",
    "body": "请核对**幸福超市**，周五前完成。",
    "facts": [{"name": "检查对象", "value": "幸福超市"}, {"name": "期限", "value": "11月27日"}],
    "buttons": [{"text": "收到", "color": "blue", "id": "accept|visit:7|1", "request": True}],
    "url": "https://suicha.example.gov.cn/",
    "done": False,
    "status": "已接收",
}


def definition() -> dict[str, Any]:
    """The file to import, as the object it holds."""
    return {
        "editorData": json.dumps(_editor(), ensure_ascii=False),
        "widgetInfo": "",
        "type": "standard",
        "mode": "card",
    }


def _editor() -> dict[str, Any]:
    lists = ("formList", "expList", "localList", "hsfList", "lwpList")
    return {
        "schemaVersion": "2.0.0",
        "schema": {
            "version": "1.0.0",
            "componentsMap": [_component(name) for name in COMPONENTS],
            "componentsTree": [_tree()],
            "i18n": {},
        },
        "mockData": {"cardData": MOCK, "cardPrivateData": {}, "localData": {}},
        "editVersion": 0,
        "customWidgetInfo": "",
        "useCustomWidgetInfo": False,
        "variableList": [_variable(name) for name in KINDS],
        **{name: [] for name in lists},
        "extension": {"extendType": "NORMAL", "fileTypeList": []},
    }


def _component(name: str) -> dict[str, Any]:
    return {"package": "@ali/dxComponent", "version": "1.0.0", "exportName": name, "componentName": name}


def _variable(name: str) -> dict[str, Any]:
    kind, description = KINDS[name]
    fields = [{"name": part, "type": "string"} for part in ("name", "value")] if name == "facts" else []
    return {
        "id": name,
        "name": name,
        "type": kind,
        "private": False,
        "description": description,
        "editorVarType": "variables",
        "schema": fields,
    }


def _tree() -> dict[str, Any]:
    children = [
        _node("Markdown", "body", "正文", content=_bound("dynamicMarkdown", "body")),
        _node(
            "LoopContainer",
            "facts",
            "名称与内容",
            loopVariable=_bound("variableValue", "facts"),
            children=[_node("Markdown", "fact", "一行", content=_fixed("**${item.name}**：${item.value}"))],
        ),
        _node(
            "ButtonGroup",
            "buttons",
            "按钮组",
            buttons=_bound("variableValue", "buttons"),
            visible=_visible("done", "isFalse"),
        ),
        _node(
            "ButtonBlock",
            "open",
            "查看详情",
            buttons=[
                {
                    "id": "open",
                    "text": _fixed("查看详情"),
                    "actionType": "url",
                    "url": _bound("dynamicLink", "url"),
                }
            ],
            visible=_visible("url", "isNotEmpty"),
        ),
        _node(
            "Markdown", "status", "结束语", content=_fixed("${status}"), visible=_visible("done", "isTrue")
        ),
    ]
    card = _node("StdCard", "card", "卡片", cardName=_fixed("${title}"))
    return {**card, "children": children}


def _node(component: str, name: str, title: str, **props: Any) -> dict[str, Any]:
    children = props.pop("children", [])
    node = {"componentName": component, "id": f"node_{name}", "title": title, "props": props}
    return {**node, "children": children} if children else node


def _bound(kind: str, variable: str) -> dict[str, Any]:
    return {
        "type": kind,
        "valueType": "variable",
        "value": "",
        "variable": variable,
        "variableType": "global",
    }


def _fixed(text: str) -> dict[str, Any]:
    return {"type": "dynamicString", "content": text, "i18n": False}


def _visible(variable: str, test: str) -> dict[str, Any]:
    condition = {"type": "variable", "variable": variable, "variableType": "global", "op": test, "value": ""}
    conditions = {"op": "and", "conditions": [condition]}
    return {"type": "dynamicVisible", "valueType": "condition", "value": True, "condition": conditions}


if __name__ == "__main__":
    print(json.dumps(definition(), ensure_ascii=False, indent=1))  # noqa: T201
