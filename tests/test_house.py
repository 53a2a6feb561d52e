"""The house rules a reader would otherwise have to check: layers, messages, settings, printed commands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer.main
from importlinter.cli import lint_imports
from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel

from bot import cli
from bot.core.config import S3Settings, Settings
from bot.core.config_dingtalk import DingTalkSettings
from bot.core.config_fallback import EmailSettings, SmsSettings
from bot.core.config_wecom import WeComBotSettings, WeComSettings
from bot.core.config_zwdd import ZwddSettings
from bot.core.links import Links
from bot.inspection.messages import KINDS
from bot.messaging.letters import all_kinds
from bot.messaging.render import Renderer
from bot.platforms.base import Capabilities
from bot.platforms.dingtalk import cards as dingtalk
from bot.platforms.wecom import cards as wecom
from handlers.web.console_words import ACTIONS as CONSOLE_ACTS
from handlers.web.console_words import KINDS as CONSOLE_KINDS
from handlers.web.console_words import SUBJECTS
from handlers.web.pages import make_environment

ROOT = Path(__file__).resolve().parents[1]
MESSAGES = ROOT / "templates" / "messages"
READMES = [path for path in (ROOT / "README.md", ROOT / "README.zh-CN.md") if path.exists()]
EVERY = all_kinds(KINDS, Renderer(Links("https://suicha.example.cn", "k" * 24)), titles=CONSOLE_KINDS)
PLATFORMS = {
    "wecom": Capabilities(),
    "dingtalk with cards": Capabilities(read_receipts=True),
    "dingtalk without cards": Capabilities(cards=False, card_updates=False),
}


def test_nothing_imports_what_lies_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    assert lint_imports(config_filename="pyproject.toml", no_cache=True, no_logo=True) == 0


def test_every_kind_has_its_folder_and_every_folder_its_kind() -> None:
    assert {folder.name for folder in MESSAGES.iterdir()} == set(EVERY)
    for folder in MESSAGES.iterdir():
        assert {file.name for file in folder.iterdir()} == {"title.txt.j2", "body.md.j2"}, folder.name


@pytest.mark.parametrize("capabilities", PLATFORMS.values(), ids=PLATFORMS.keys())
@pytest.mark.parametrize("name", sorted(EVERY))
def test_the_sample_of_every_kind_becomes_a_message(name: str, capabilities: Capabilities) -> None:
    kind = EVERY[name]
    links = Links("https://suicha.example.cn", "k" * 24)

    message = Renderer(links).message(
        name,
        kind.sample,
        subject="visit:1",
        generation=1,
        person_id=1,
        capabilities=capabilities,
        card_id="c" * 26,
    )

    assert message.title
    assert "\n" not in message.title
    assert message.body.strip()
    assert "None" not in message.title + message.body
    assert wecom.send_body(message, user_ids=["u"], agent_id=1, once=False)
    assert dingtalk.robot_message(message)
    assert dingtalk.card_params(message)


def test_the_console_has_a_chinese_word_for_every_kind() -> None:
    assert set(EVERY) <= set(CONSOLE_KINDS)


def test_the_console_has_a_chinese_word_for_every_act_and_what_it_was_done_to() -> None:
    """Each constant that stands in a call of ``record``; a name with a state in it needs one word at least."""
    acts, subjects = set(), set()
    for path in [*ROOT.glob("bot/**/*.py"), *ROOT.glob("handlers/**/*.py")]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] in (
                "record",
                "_changed",
            ):
                words = [w.value for part in call.args for w in ast.walk(part) if isinstance(w, ast.Constant)]
                acts |= {w for w in words if isinstance(w, str) and re.fullmatch(r"[a-z_]+\.[a-z_]*", w)}
                subjects |= {
                    w.partition(":")[0] for w in words if isinstance(w, str) and re.match(r"[a-z_]+:", w)
                }

    assert len(acts) > 90
    assert not [act for act in acts if not any(known.startswith(act) for known in CONSOLE_ACTS)]
    assert len(subjects) > 20
    assert not subjects - set(SUBJECTS)


def test_every_page_compiles() -> None:
    pages = make_environment()
    names = pages.list_templates()

    assert len(names) > 10
    for name in names:
        pages.get_template(name)


def test_no_template_has_script_or_style_in_it() -> None:
    environment = Environment(loader=FileSystemLoader(ROOT / "templates" / "pages"), autoescape=True)
    for name in environment.list_templates():
        text = (ROOT / "templates" / "pages" / name).read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"|<script(?![^>]* src=)", text), name


def _names(model: type[BaseModel], prefix: str) -> set[str]:
    return {f"{prefix}{name}".upper() for name in model.model_fields}


def test_every_setting_is_explained_in_the_example() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    shown = re.findall(r"^#?(SUICHA_\w+)=", text, re.MULTILINE)
    blocks = {"SUICHA_WECOM", "SUICHA_DINGTALK", "SUICHA_ZWDD", "SUICHA_EMAIL", "SUICHA_SMS", "SUICHA_S3"}

    assert len(shown) == len(set(shown))
    assert set(shown) == (
        (_names(Settings, "suicha_") - blocks)
        | (_names(WeComSettings, "suicha_wecom__") - {"SUICHA_WECOM__BOT"})
        | _names(WeComBotSettings, "suicha_wecom__bot__")
        | _names(DingTalkSettings, "suicha_dingtalk__")
        | _names(ZwddSettings, "suicha_zwdd__")
        | _names(S3Settings, "suicha_s3__")
        | _names(EmailSettings, "suicha_email__")
        | _names(SmsSettings, "suicha_sms__")
    )


def test_the_example_can_be_read_as_it_is_and_shows_the_defaults() -> None:
    example = ROOT / ".env.example"
    shown = dict(re.findall(r"^#(SUICHA_[A-Z_]+)=(.+)$", example.read_text(encoding="utf-8"), re.MULTILINE))
    defaults = {f"SUICHA_{name}".upper(): field.default for name, field in Settings.model_fields.items()}
    settings = Settings(_env_file=example)  # type: ignore[call-arg]

    assert settings.public_url == "https://suicha.example.gov.cn"
    assert len(shown.keys() & defaults.keys()) > 10
    for name in shown.keys() & defaults.keys():
        value: object = defaults[name]
        text = f"{value:g}" if isinstance(value, float) else str(value)
        assert shown[name].lower() == text.lower(), name


def _commands() -> set[str]:
    """Every command and sub-command there is: ``draw``, ``draw commit``."""
    cli.register()
    found = set()
    for name, command in _below(typer.main.get_command(cli.app)).items():
        found.add(name)
        found |= {f"{name} {sub}" for sub in _below(command)}
    return found


def _below(command: object) -> dict[str, object]:
    return getattr(command, "commands", {})


def test_commands_printed_in_the_readmes_exist() -> None:
    known = _commands()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in READMES:
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
            assert target in targets, (path.name, target)
        for command, rest in re.findall(
            r"(?:`|^|bin/)suicha ([a-z-]+)((?: [a-z-]+(?:\\\|[a-z-]+)+)?)", text, re.MULTILINE
        ):
            assert command in known, (path.name, command)
            for sub in rest.strip().split("\\|") if rest else ():
                assert f"{command} {sub}" in known, (path.name, command, sub)


def test_files_named_in_the_guides_exist() -> None:
    for path in (*READMES, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), (path.name, link)


def test_a_savepoint_keeps_what_was_recorded_before_it() -> None:
    """Audit entries wait for the commit: a bare savepoint would take along those recorded before it."""
    places = {
        path.relative_to(ROOT).as_posix()
        for top in ("bot", "handlers", "scheduler")
        for path in (ROOT / top).rglob("*.py")
        if "begin_nested(" in path.read_text(encoding="utf-8")
    }
    assert places == {"bot/core/sqlite_writer.py", "bot/inspection/audit/service.py"}


def test_every_make_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony is not None
    for target in phony[1].split():
        assert re.search(rf"^{target}:.*## \S", makefile, re.MULTILINE), target
