"""What came after the lock, repeated: whoever came later was the next by the same tickets. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from bot.inspection.draws import algorithm
from bot.inspection.draws.matching import Need, OfficerFacts, match
from bot.inspection.draws.officers_file import read_lines

Place = tuple[str, str]  # object, department


class Changes:
    """The list as it stands while one line of ``changes.jsonl`` after the other is read."""

    def __init__(self, files: Mapping[str, bytes], rules: Mapping[str, Any], seed: bytes) -> None:
        self._rules, self._seed = rules, seed
        self._strata: dict[str, list[str]] = {}
        for entry in read_lines(files["pool.jsonl"]):
            self._strata.setdefault(entry["stratum"], []).append(entry["id"])
        self._taken = {pick["id"] for pick in read_lines(files["picks.jsonl"])}
        self._drawn = set(self._taken)
        self._teams: dict[Place, set[str]] = {}
        self._ever: dict[Place, set[str]] = {}
        for visit in read_lines(files["visits.jsonl"]):
            self._send(visit["id"], visit)
        self._lines = read_lines(files.get("changes.jsonl", b""))

    def fault(self) -> str:
        """The first change that does not hold (zh-CN); empty when all do."""
        for number, change in enumerate(self._lines, 1):
            holds = self._officer if change["kind"] == "OFFICER" else self._object
            if change["number"] != number or not holds(change):
                return f"锁定后的第 {number} 次变动不成立"
        return ""

    def _officer(self, change: Mapping[str, Any]) -> bool:
        place, loads = (change["object"], change["department"]), dict(change["choices"])
        team, ever = self._teams.get(place), self._ever.get(place, set())
        choices = [
            (load, algorithm.officer_ticket(self._seed, place[0], one), one) for one, load in loads.items()
        ]
        if place[0] not in self._drawn or change["out"] in loads or not ever.isdisjoint(loads):
            return False
        if team is not None:  # lines of earlier versions did not say who goes to an added visit
            if change["out"] not in team:
                return False
            self._teams[place], self._ever[place] = (
                team - {change["out"]} | {change["in"]},
                ever | {change["in"]},
            )
        return bool(min(choices)[2] == change["in"])

    def _object(self, change: Mapping[str, Any]) -> bool:
        follows = algorithm.next_ticket(self._seed, self._strata[change["stratum"]], taken=self._taken)
        if follows is None or follows != change["in"]:
            return False
        if change["kind"] == "OBJECT":
            if change["out"] not in self._drawn:
                return False
            self._drawn.remove(change["out"])
        self._taken.add(follows)
        self._drawn.add(follows)
        return self._teams_hold(follows, change["teams"]) if "teams" in change else True

    def _teams_hold(self, identity: str, teams: Sequence[Mapping[str, Any]]) -> bool:
        departments = self._rules["departments"]
        if [team["department"] for team in teams] != [department["id"] for department in departments]:
            return False
        for team, department in zip(teams, departments, strict=True):
            labels = frozenset(department["labels"])
            able = [
                OfficerFacts(id=one, department=department["id"], load=load, labels=labels if holds else frozenset(),
                             valid_from=dt.date.min, valid_to=dt.date.max)
                for one, load, holds in team["choices"]
            ]  # fmt: skip
            need = Need(id=identity, department=department["id"], last_day=dt.date.min, planned=dt.date.min,
                        officers=self._rules["officers_per_visit"], labels=labels)  # fmt: skip
            if match([need], able, seed=self._seed)[0] != [team["officers"]]:
                return False
            self._send(identity, team)
        return True

    def _send(self, identity: str, team: Mapping[str, Any]) -> None:
        place = (identity, team["department"])
        self._teams[place], self._ever[place] = set(team["officers"]), set(team["officers"])
