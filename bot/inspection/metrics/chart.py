"""Geometry of the console's charts: numbers in, rectangles out. Pure; ``chart.html.j2`` draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class HasFunnel(Protocol):
    """What a bar is drawn of."""

    @property
    def drawn(self) -> int: ...
    @property
    def accepted(self) -> int: ...
    @property
    def submitted(self) -> int: ...
    @property
    def published(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a bar: where, how wide, which stage (a CSS class), how many."""

    x: float
    y: float
    width: float
    height: float
    stage: str
    label: str
    many: int


@dataclass(frozen=True, slots=True)
class Column:
    """One day: its bars and its place on the axis."""

    x: float
    label: str
    bars: tuple[Segment, ...]


STAGES = (
    ("published", "已公示"),
    ("submitted", "已提交"),
    ("accepted", "已接收"),
    ("waiting", "待接收"),
)


def stacked(funnel: HasFunnel, *, width: float = 100.0, height: float = 10.0) -> tuple[Segment, ...]:
    """One bar split by how far the visits came; the pieces add up to *width*."""
    parts = {
        "published": funnel.published,
        "submitted": funnel.submitted - funnel.published,
        "accepted": funnel.accepted - funnel.submitted,
        "waiting": funnel.drawn - funnel.accepted,
    }
    segments, x = [], 0.0
    for stage, label in STAGES:
        if parts[stage] <= 0:
            continue
        wide = width * parts[stage] / funnel.drawn
        segments.append(Segment(round(x, 2), 0, round(wide, 2), height, stage, label, parts[stage]))
        x += wide
    return tuple(segments)


def columns(
    days: Sequence[tuple[str, Sequence[int]]], stages: Sequence[tuple[str, str]], *,
    width: float = 600.0, height: float = 140.0,
) -> tuple[Column, ...]:  # fmt: skip
    """Grouped bars, one group a day; *stages* are (CSS class, label). The tallest fills *height*."""
    top = max((value for _, values in days for value in values), default=0)
    step = width / max(len(days), 1)
    bar = step * 0.72 / max(len(stages), 1)
    return tuple(
        Column(
            x=round(step * (n + 0.5), 2),
            label=label,
            bars=tuple(
                Segment(
                    x=round(step * (n + 0.14) + bar * k, 2),
                    y=round(height - _tall(value, top, height), 2),
                    width=round(bar, 2),
                    height=round(_tall(value, top, height), 2),
                    stage=stage,
                    label=name,
                    many=value,
                )
                for k, (value, (stage, name)) in enumerate(zip(values, stages, strict=True))
            ),
        )
        for n, (label, values) in enumerate(days)
    )


def _tall(value: int, top: int, height: float) -> float:
    return height * value / top if top else 0.0
