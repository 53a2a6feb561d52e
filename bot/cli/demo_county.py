"""Make up a county: its businesses, lifts, officials and contact persons, row by row. No file is written.

A row is field name of the import layout -> cell. Everything follows from one random source.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.cli import demo_words as words
from bot.cli.demo_items import ITEMS
from bot.inspection.registry.codes import CREDIT_ALPHABET, make_uscc
from bot.simulator.people import SimPerson

Row = dict[str, str]

WRONG_CODES, REPEATED, WRONG_CLASSES = 7, 2, 1  # planted rows that an import must refuse


@dataclass(slots=True)
class County:
    """The random source, what it has given out already, and everybody who has a phone."""

    rng: random.Random
    phones: list[SimPerson] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)
    _codes: set[str] = field(default_factory=set)

    def pick(self, weights: dict[str, Any]) -> str:
        """One of the keys, by weight."""
        return self.rng.choices(list(weights), list(weights.values()))[0]

    def person_name(self) -> str:
        """A name nobody else has, so that a reader can tell people apart."""
        while True:
            given = "".join(self.rng.sample(words.GIVEN, self.rng.choice((1, 2, 2, 2))))
            name = self.rng.choice(words.SURNAMES) + given
            if name not in self._names:
                self._names.add(name)
                return name

    def person(self, code: str, role: str, department: str, *, phone: bool = True) -> Row:
        """Code, name, mobile; with ``phone`` an account: 60 % WeCom, the others DingTalk."""
        name, mobile = self.person_name(), f"19000{self.rng.randrange(10**6):06d}"
        row = {"code": code, "name": name, "mobile": mobile, "active": "在职"}
        if phone:
            platform = "wecom" if self.rng.random() < 0.6 else "dingtalk"
            row[platform] = code.lower() if platform == "wecom" else f"dd-{code.lower()}"
            self.phones.append(SimPerson(platform, row[platform], name, mobile, role, department))
        return row

    def credit_code(self, kind: str) -> str:
        """A valid code nobody else has; ``kind`` is 91, 92 or 93. The area code belongs to no real place."""
        while True:
            tail = "".join(self.rng.choices(CREDIT_ALPHABET, k=6))
            code = make_uscc(f"{kind}{words.AREA_CODE}MA{tail}")
            if code not in self._codes:
                self._codes.add(code)
                return code

    def address(self, town: str) -> str:
        return f"云溪县{town}{self.rng.choice(words.ROADS)}{self.rng.randint(1, 399)}号"

    def businesses(self, count: int) -> list[Row]:
        """So many businesses; names and codes are unique."""
        shares = {name: trade.share for name, trade in words.TRADES.items()}
        trades = self.rng.choices(list(shares), list(shares.values()), k=count)
        return [self._business(trade) for trade in trades]

    def lifts(self, businesses: Sequence[Row], count: int) -> list[Row]:
        """So many lifts, a few to each using business, in its town and of its credit class."""
        users = [b for b in businesses if b["industry"] in words.LIFT_USERS and b["status"] == "存续"]
        rows: list[Row] = []
        built: set[tuple[str, int]] = set()
        while len(rows) < count:
            user, building = self.rng.choice(users), self.rng.randint(1, 28)
            if (user["code"], building) in built:
                continue
            built.add((user["code"], building))
            for unit in range(1, min(self.rng.randint(1, 4), count - len(rows)) + 1):
                rows.append(self._lift(user, f"{building}号楼{unit}号电梯", len(rows) + 1))
        return rows

    def _lift(self, user: Row, place: str, number: int) -> Row:
        return {
            "code": f"梯11云A{number:05d}({self.rng.randint(12, 25)})",
            "kind": "设备",
            "name": f"{user['name']}{place}",
            "address": f"{user['address']}{place[: place.index('楼') + 1]}",
            "district": user["district"],
            "industry": "电梯",
            "credit_class": user["credit_class"],
            "status": "在用",
            "labels": self.pick({"住宅电梯": 60, "公众聚集场所": 30, "公众聚集场所、使用超过十五年": 10}),
            "user_unit_code": user["code"],
        }

    def _business(self, industry: str) -> Row:
        trade, town = words.TRADES[industry], self.pick(words.TOWNS)
        is_firm = self.rng.random() * 100 < trade.firms
        kind, prefix = ("企业", "91") if is_firm else ("个体工商户", "92")
        if industry == "农业" and self.rng.random() < 0.4:
            kind, prefix = "农民专业合作社", "93"
        labels = [label for label, percent in trade.labels if self.rng.random() * 100 < percent]
        return {
            "code": self.credit_code(prefix),
            "kind": kind,
            "name": self._trade_name(trade, kind, town),
            "address": self.address(town),
            "district": town,
            "industry": industry,
            "credit_class": self.pick(words.CREDIT_CLASSES),
            "status": self.pick(words.STATUS),
            "labels": "、".join(labels),
        }

    def _trade_name(self, trade: words.Trade, kind: str, town: str) -> str:
        """An invented name; a third character comes in when the two are taken."""
        brand = self.rng.choice(words.BRAND_FIRST) + self.rng.choice(words.BRAND_SECOND)
        company, shop = self.rng.choice(trade.company), self.rng.choice(trade.shop)
        while True:
            name = {
                "企业": f"云溪县{brand}{company}有限公司",
                "个体工商户": f"云溪县{town}{brand}{shop}",
                "农民专业合作社": f"云溪县{brand}种植专业合作社",
            }[kind]
            if name not in self._names:
                self._names.add(name)
                return name
            brand += self.rng.choice(words.BRAND_SECOND)


def with_bad_rows(rng: random.Random, rows: Sequence[Row]) -> list[Row]:
    """*rows* with the planted bad ones among them: wrong check digits, repeated codes, an unknown class."""
    bad = [_spoilt(row) for row in rng.sample(rows, WRONG_CODES)]
    bad += [dict(row) for row in rng.sample(rows[: len(rows) // 2], REPEATED)]
    strange = rng.choice(rows)
    branch = {"code": _another(strange["code"]), "name": strange["name"] + "分店", "credit_class": "E"}
    bad.append(strange | branch)
    mixed = list(rows)
    for row in bad:
        mixed.insert(rng.randint(len(rows) // 2, len(mixed)), row)  # a repeat comes after its first
    return mixed


def _spoilt(row: Row) -> Row:
    """The same business with a last character that is wrong."""
    code = row["code"]
    wrong = CREDIT_ALPHABET[(CREDIT_ALPHABET.index(code[-1]) + 1) % len(CREDIT_ALPHABET)]
    return row | {"code": code[:-1] + wrong, "name": row["name"] + "（录入错误）"}


def _another(code: str) -> str:
    """A valid code that no business of the county has: all of theirs have MA in the middle."""
    return make_uscc(f"{code[:8]}NB{code[10:16]}")


def department_rows() -> list[Row]:
    return [{"code": code, "name": name, "territory": "云溪县"} for code, name, *_ in words.DEPARTMENTS]


def item_rows() -> list[Row]:
    return [item | {"active": "在用"} for item in ITEMS]


def officer_rows(county: County, count: int, year: int) -> Iterator[Row]:
    """Officers of all departments; one in sixty has let the certificate run out before *year*."""
    shares = {code: share for code, _, share, _ in words.DEPARTMENTS}
    department = {code: (name, skills) for code, name, _, skills in words.DEPARTMENTS}
    for number in range(1, count + 1):
        code = county.pick(shares)
        name, skills = department[code]
        begun = year - county.rng.randint(1, 3)
        ended = year - 1 if number % 60 == 0 else year + county.rng.randint(1, 3)
        yield county.person(f"YX{number:04d}", "执法人员", name) | {
            "department": code,
            "certificate_no": f"YXZF{year - 2000:02d}{number:06d}",
            "category": "行政执法类公务员",
            "valid_from": f"{begun}-01-01",
            "valid_to": f"{ended}-12-31",
            "labels": "、".join(county.rng.sample(skills, min(len(skills), county.rng.choice((1, 2))))),
            "territory": county.pick(words.TOWNS) if county.rng.random() < 0.3 else "",
        }


def training_rows(count: int, year: int) -> Iterator[Row]:
    """Everybody sat in the training of the week before."""
    for number in range(1, count + 1):
        yield {"code": f"YX{number:04d}", "session": f"{year}年“双随机、一公开”业务培训", "held_on": f"{year}-03-06",
               "valid_to": f"{year}-12-31"}  # fmt: skip


def people_rows(county: County) -> list[Row]:
    """Each department's head and reviewers; coordinator and administrator sit with the market regulator."""
    rows: list[Row] = []

    def add(role: str, code: str, name: str) -> None:
        person = county.person(f"GL{len(rows) + 1:03d}", role, name)
        rows.append(person | {"department": code, "roles": role})

    for code, name, share, _ in words.DEPARTMENTS:
        add("负责人", code, name)
        for _ in range(4 if share > 20 else 1):
            add("审核人", code, name)
    host, host_name, *_ = words.DEPARTMENTS[0]
    add("联席办", host, host_name)
    add("管理员", host, host_name)
    return rows


def contact_rows(county: County, objects: Iterable[Row], *, likely: int, others: int) -> Iterator[Row]:
    """Contact persons; per mille of the objects in the plan's view (``likely``) and of ``others`` have one.

    One in four of them has a chat account.
    """
    number = 0
    for row in objects:
        in_view = row["kind"] == "设备" or row["district"] == words.TARGET_TOWN or "网络餐饮" in row["labels"]
        if county.rng.random() * 1000 < (likely if in_view else others):
            number += 1
            phone = county.rng.random() < 0.25
            duty = "安全管理员" if row["kind"] == "设备" else county.pick({"联络员": 2, "负责人": 1})
            person = county.person(f"LX{number:05d}", "企业联络员", row["name"], phone=phone)
            yield person | {"object_code": row["code"], "duty": duty}
