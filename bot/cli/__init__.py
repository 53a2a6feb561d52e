"""The command line: every administrative act, with examples, ``--json`` and exit codes that mean something.

Exit codes: 0 done, 1 done with findings (rejected rows, a broken chain), 2 refused, with the reason in words.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

from bot.cli import words
from bot.core.errors import Problem

app = typer.Typer(
    name="suicha",
    help="随查：在企业微信和钉钉里完成“双随机、一公开”监管。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)


def _version(shown: bool) -> None:
    if shown:
        try:
            typer.echo(f"suicha {version('suicha')}")
        except PackageNotFoundError:
            typer.echo("suicha（源码运行）")
        raise typer.Exit


@app.callback()
def root(
    _version_: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="显示版本号。")
    ] = False,
) -> None:
    """随查：在企业微信和钉钉里完成“双随机、一公开”监管。"""


_COMMANDS = {"serve": "serve", "demo": "demo", "migrate": "migrate", "doctor": "doctor", "console-link": "console",
             "verify": "verify"}  # fmt: skip
_GROUPS = {
    "import": "imports", "contacts": "contacts", "plan": "plan", "draw": "draw", "duty": "duty", "approval": "approval",
    "audit": "audit", "commission": "commission", "calendar": "calendar", "checklist": "checklist", "limits": "limits",
    "clue": "clue", "bulletin": "bulletin", "returns": "returns", "training": "training",
    "object": "objects", "result": "result", "followup": "followup",
}  # fmt: skip
_MORE = ("draw_after",)  # add their commands to a group's themselves


def register() -> None:
    """Add every command; the modules behind them load what they need when they run."""
    if app.registered_commands:
        return
    words.speak_chinese()
    for name, module in _COMMANDS.items():
        app.command(name)(getattr(_load(module), name.replace("-", "_")))
    for name, module in _GROUPS.items():
        app.add_typer(_load(module).app, name=name)
    for module in _MORE:
        _load(module)


def _load(module: str) -> Any:
    return import_module(f"bot.cli.{module}")


def main() -> None:
    """Run a command; what a person can be told is told, without a traceback."""
    register()
    try:
        app()
    except Problem as problem:
        refused = _told(problem)
    except OSError as error:
        refused = [f"文件或目录不能读写：{error.filename or ''} {error.strerror or type(error).__name__}"]
    else:
        return
    for line in refused:
        typer.secho(line, err=True, fg=typer.colors.RED)
    raise SystemExit(2)


def _told(problem: Problem) -> list[str]:
    """One line a setting where several may be wrong, else one sentence."""
    if problem.key != "settings_invalid":
        return [str(problem)]
    return [
        f"{problem.text}，请改好后再运行：",
        *(f"  {name}：{why}" for name, why in problem.fields.items()),
    ]
