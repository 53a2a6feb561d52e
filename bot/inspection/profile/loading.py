"""Read a profile: the defaults, overridden by a locality's file, with errors a person can act on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from bot.core.errors import Problem
from bot.inspection.profile.model import Profile
from bot.inspection.profile.refusals import first_refusal

DATA = Path(__file__).with_name("data")
IDENTITY = frozenset({"profile", "name"})  # a locality must say who it is
FREE_KEYS = frozenset({"channel_names"})  # blocks whose keys the locality invents

Raw = dict[str, Any]


def profile_names() -> list[str]:
    """Name the shipped profiles, ``default`` first."""
    names = sorted(path.stem for path in DATA.glob("*.yaml"))
    return sorted(names, key=lambda name: name != "default")


def load_profile(name_or_path: str | Path) -> Profile:
    """Read a shipped profile by name, or a YAML file by path.

    A key that is absent or null takes its default. Raises ``Problem("profile_invalid")`` with ``field``
    (dotted path) and a Chinese sentence; a mistyped name comes with the nearest right one.
    """
    path = _find(name_or_path)
    defaults = _defaults()
    if path == DATA / "default.yaml":
        return _build(defaults, frozenset(_leaves(defaults)), path.name)
    own = _read(path)
    _refuse_unknown_keys(own, defaults, path.name)
    base = {key: value for key, value in defaults.items() if key not in IDENTITY}
    merged = _merge(base, own)
    used = frozenset(_leaves(base)) - frozenset(_leaves(_without_nulls(own)))
    return _build(merged, used, path.name)


def _find(name_or_path: str | Path) -> Path:
    shipped = profile_names()
    if str(name_or_path) in shipped:
        return DATA / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if path.is_file():
        return path
    text = f"没有名为“{name_or_path}”的地方配置，也没有这个文件。可用：{'、'.join(shipped)}"
    raise Problem("profile_invalid", text + _suggest(str(name_or_path), shipped), field="profile")


def _read(path: Path) -> Raw:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError) as error:
        raise Problem("profile_invalid", f"{path.name}不是可读的YAML文件", field="") from error
    if not isinstance(raw, dict):
        raise Problem("profile_invalid", f"{path.name}的内容应是“名称: 值”的表", field="")
    return raw


@cache
def _defaults() -> Raw:
    return _read(DATA / "default.yaml")


def _build(raw: Raw, defaults_used: frozenset[str], file: str) -> Profile:
    try:
        profile = Profile.model_validate(raw)
    except ValidationError as error:
        field, reason = first_refusal(error)
        text = f"{file}的“{field or '整个文件'}”有误：{reason}"
        raise Problem("profile_invalid", text, field=field) from error
    profile._defaults_used = defaults_used  # noqa: SLF001 - set once, here, before anybody sees the profile
    return profile


def _refuse_unknown_keys(own: Raw, known: Raw, file: str, path: str = "") -> None:
    for key, value in own.items():
        field = f"{path}.{key}" if path else str(key)
        if key not in known:
            text = f"{file}里没有“{field}”这一项" + _suggest(str(key), known)
            raise Problem("profile_invalid", text, field=field)
        if field not in FREE_KEYS and isinstance(value, dict) and isinstance(known[key], dict):
            _refuse_unknown_keys(value, known[key], file, field)


def _merge(base: Raw, own: Raw) -> Raw:
    merged = dict(base)
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = _merge(base[key], value)
        elif value is not None:
            merged[key] = value
    return merged


def _without_nulls(raw: Raw) -> Raw:
    return {k: _without_nulls(v) if isinstance(v, dict) else v for k, v in raw.items() if v is not None}


def _leaves(raw: Raw, path: str = "") -> Iterator[str]:
    """Yield the dotted path of every setting; a list is one setting."""
    for key, value in raw.items():
        field = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict):
            yield from _leaves(value, field)
        else:
            yield field


def _suggest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, [str(k) for k in known], n=1, cutoff=0.5)
    return f"，是不是“{near[0]}”？" if near else "。"
