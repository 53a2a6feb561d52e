"""The command line: every administrative act, with examples, ``--json`` and exit codes that mean something.

Exit codes: 0 done, 1 done with findings (rejected rows, a broken chain), 2 refused, with the reason in words.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

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


def register() -> None:
    """Add every command; the modules behind them load what they need when they run."""
    if app.registered_commands:
        return
    words.speak_chinese()
    from bot.cli import (
        approval,
        audit,
        bulletin,
        calendar,
        checklist,
        clue,
        commission,
        console,
        contacts,
        demo,
        doctor,
        draw,
        draw_after,  # noqa: F401 - adds its commands to draw
        duty,
        imports,
        limits,
        migrate,
        plan,
        returns,
        serve,
        training,
        verify,
    )

    app.command("serve")(serve.serve)
    app.command("demo")(demo.demo)
    app.command("migrate")(migrate.migrate)
    app.command("doctor")(doctor.doctor)
    app.command("console-link")(console.console_link)
    app.command("verify")(verify.verify)
    app.add_typer(imports.app, name="import")
    app.add_typer(contacts.app, name="contacts")
    app.add_typer(plan.app, name="plan")
    app.add_typer(draw.app, name="draw")
    app.add_typer(duty.app, name="duty")
    app.add_typer(approval.app, name="approval")
    app.add_typer(audit.app, name="audit")
    app.add_typer(commission.app, name="commission")
    app.add_typer(calendar.app, name="calendar")
    app.add_typer(checklist.app, name="checklist")
    app.add_typer(limits.app, name="limits")
    app.add_typer(clue.app, name="clue")
    app.add_typer(bulletin.app, name="bulletin")
    app.add_typer(returns.app, name="returns")
    app.add_typer(training.app, name="training")


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
