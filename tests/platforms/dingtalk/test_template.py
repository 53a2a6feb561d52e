"""The importable card: the same variables that the sender fills, each bound to something."""

from __future__ import annotations

import json
from pathlib import Path

from bot.platforms.base import Button, OutboundMessage
from bot.platforms.dingtalk.cards import VARIABLES, card_params
from bot.platforms.dingtalk.template import definition

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "guides"


def test_the_file_in_the_guides_is_the_definition_of_today() -> None:
    kept = json.loads((GUIDES / "dingtalk-card-template.json").read_text(encoding="utf-8"))
    assert kept == definition()


def test_every_variable_that_is_sent_is_declared_and_shown() -> None:
    editor = json.loads(definition()["editorData"])
    message = OutboundMessage("t", "b", buttons=(Button("x", action="a"),), card_id="c")
    declared = [variable["name"] for variable in editor["variableList"]]
    assert declared == list(VARIABLES) == list(card_params(message))
    tree = json.dumps(editor["schema"]["componentsTree"])
    for name in VARIABLES:
        assert f'"variable": "{name}"' in tree or f"${{{name}}}" in tree, name
    used = {node["componentName"] for node in _nodes(editor["schema"]["componentsTree"])}
    assert used == {one["componentName"] for one in editor["schema"]["componentsMap"]}


def test_the_guide_explains_every_variable() -> None:
    guide = (GUIDES / "dingtalk.zh-CN.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in guide for name in VARIABLES)


DOCUMENTED = {  # what the editor's own exports hold; no page documents the shape
    "top": {"editorData": str, "widgetInfo": str, "type": str, "mode": str},
    "editor": {
        "schemaVersion": str, "schema": dict, "mockData": dict, "editVersion": int, "customWidgetInfo": str,
        "useCustomWidgetInfo": bool, "variableList": list, "formList": list, "expList": list, "localList": list,
        "hsfList": list, "lwpList": list, "extension": dict,
    },
    "variable": {
        "id": str, "name": str, "type": str, "private": bool, "description": str, "editorVarType": str, "schema": list,
    },
    "component": {"package": str, "version": str, "exportName": str, "componentName": str},
}  # fmt: skip
SHOWABLE = {"string", "markdown", "loopArray", "buttonGroup", "boolean"}


def shaped(value: dict[str, object], name: str) -> None:
    wanted = DOCUMENTED[name]
    assert {key: type(part) for key, part in value.items()} == wanted, name


def test_the_file_keeps_every_constraint_that_is_documented() -> None:
    """Sheet 5.2, 5.4 and 5.5: names of at most 100 bytes, values that are strings of at most 1 KB, buttons that are
    requests or links, one id for each node; and the shape of the editor's own exports."""
    shaped(definition(), "top")
    editor = json.loads(definition()["editorData"])
    shaped(editor, "editor")
    assert (definition()["type"], definition()["mode"], editor["schemaVersion"]) == (
        "standard",
        "card",
        "2.0.0",
    )
    for variable in editor["variableList"]:
        shaped(variable, "variable")
        assert 0 < len(variable["name"].encode()) <= 100
        assert variable["type"] in SHOWABLE
        assert not variable["private"]  # the same for everybody who sees the card
    for component in editor["schema"]["componentsMap"]:
        shaped(component, "component")
    nodes = _nodes(editor["schema"]["componentsTree"])
    assert len({node["id"] for node in nodes}) == len(nodes)
    mock = editor["mockData"]["cardData"]
    assert list(mock) == list(VARIABLES)
    sent = card_params(
        OutboundMessage(
            mock["title"], mock["body"], facts=tuple((row["name"], row["value"]) for row in mock["facts"]),
            buttons=(Button("收到", action="accept|visit:7|1", style="primary"),), url=mock["url"], card_id="c",
        )
    )  # fmt: skip
    assert all(isinstance(value, str) and len(value.encode()) <= 1024 for value in sent.values())
    assert json.loads(sent["facts"]) == mock["facts"]  # what the editor previews is what we send
    assert json.loads(sent["buttons"]) == mock["buttons"]
    for button in mock["buttons"]:
        assert bool(button.get("id") and button.get("request")) is not bool(button.get("url"))
    bound = {prop["variable"] for node in nodes for prop in _bound(node)}
    assert bound <= set(VARIABLES)


def _bound(value: object) -> list[dict[str, str]]:
    """Every binding to a variable below *value*, but for children, which are nodes of their own."""
    if isinstance(value, list):
        return [found for one in value for found in _bound(one)]
    if not isinstance(value, dict):
        return []
    here = [value] if isinstance(value.get("variable"), str) and value["variable"] else []
    return here + [found for key, one in value.items() if key != "children" for found in _bound(one)]


def _nodes(tree: list[dict[str, object]]) -> list[dict[str, object]]:
    return [found for node in tree for found in (node, *_nodes(node.get("children", [])))]  # type: ignore[arg-type]
