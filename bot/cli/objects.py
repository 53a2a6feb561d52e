"""``suicha object``: one inspected object of the library."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="检查对象：登记在地图上的位置。名录用 suicha import objects 导入。"
)


@app.callback()
def group() -> None:
    """检查对象：登记在地图上的位置。名录用 suicha import objects 导入。"""


@app.command()
def place(
    code: Annotated[str, typer.Argument(metavar="代码", help="统一社会信用代码或登记编号。")],
    longitude: Annotated[
        str, typer.Option("--longitude", help="经度，例如 110.154321；两项都不写就取消登记。")
    ] = "",
    latitude: Annotated[str, typer.Option("--latitude", help="纬度，例如 22.637654。")] = "",
    system: Annotated[str, typer.Option("--system", help="坐标系：WGS-84 或 GCJ-02。")] = "",
) -> None:
    """登记或取消一户的位置，签到时与它比较。

    例：suicha object place 91440800XXXX00019Q --longitude 110.154321 --latitude 22.637654 --system GCJ-02
    """
    from bot.cli.context import open_context
    from bot.cli.finding import object_of
    from bot.inspection.registry.places import read_place
    from bot.inspection.registry.placing import place_object

    wanted = read_place({"longitude": longitude, "latitude": latitude, "system": system})
    with open_context() as context:
        found = context.db.read_now(object_of, code=code)
        changed = context.db.write_now(place_object, object_id=found, place=wanted, now=context.clock.now())
    if not changed:
        typer.echo("没有变化。")
    elif wanted is None:
        typer.echo("已取消登记的位置。")
    else:
        typer.echo(f"已登记：经度 {wanted[1]:.6f}，纬度 {wanted[0]:.6f}（WGS-84）。")
