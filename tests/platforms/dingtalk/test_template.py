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


def _nodes(tree: list[dict[str, object]]) -> list[dict[str, object]]:
    return [found for node in tree for found in (node, *_nodes(node.get("children", [])))]  # type: ignore[arg-type]
