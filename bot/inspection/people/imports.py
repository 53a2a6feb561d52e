"""Bring parsed rows of officers, other people and enterprise contacts into the tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Table, select
from sqlmodel import Session, col

from bot.core.columns import Fault, Row, Tally
from bot.inspection.people.departments import assign, department_ids
from bot.inspection.people.models import Account, EnterpriseContact, Officer, Person, PersonRole, Role

_OFFICER_FIELDS = ("certificate_no", "category", "valid_from", "valid_to", "territory")
_LISTED = {
    Role.LEAD,
    Role.REVIEWER,
    Role.COORDINATOR,
    Role.ADMIN,
}  # the people sheet is the truth about these
_PLATFORMS = {
    "wecom": "企业微信账号",
    "dingtalk": "钉钉账号",
    "email": "邮箱",
}  # and the columns they come from


def upsert_officers(session: Session, rows: Sequence[Row], *, now: dt.datetime) -> Tally:
    """People of the inspector library by code; a certificate number belongs to one person (field guide 5)."""
    shelf = _Shelf.load(session, rows, now)
    certificates = _certificates(session)

    def check(row: Row) -> Fault | None:
        number = row.values["certificate_no"]
        if certificates.setdefault(number, row.values["code"]) != row.values["code"]:
            return Fault("执法证号", number, f"已属于人员{certificates[number]}")
        return None

    def finish(row: Row, person: Person) -> bool:
        values = {name: row.values[name] for name in _OFFICER_FIELDS} | {"labels": list(row.values["labels"])}
        officer = shelf.officers.get(person.id or 0)
        if officer is None:
            session.add(Officer(person_id=person.id or 0, **values))
            return True
        return assign(officer, **values)

    return shelf.take(rows, {Role.OFFICER}, check, finish)


def upsert_people(session: Session, rows: Sequence[Row], *, now: dt.datetime) -> Tally:
    """Leads, reviewers, coordinators, administrators by code; the sheet is the truth about these roles."""
    shelf = _Shelf.load(session, rows, now)

    def finish(row: Row, person: Person) -> bool:
        wanted = set(row.values["roles"])
        return shelf.set_roles(person, (shelf.roles_of(person) - _LISTED) | wanted)

    return shelf.take(rows, set(), lambda _: None, finish)


def upsert_contacts(session: Session, rows: Sequence[Row], *, now: dt.datetime) -> Tally:
    """联络员 by code and enterprise; one person may serve several enterprises, one row each."""
    shelf = _Shelf.load(session, rows, now)
    objects = _object_ids(session, {row.values["object_code"] for row in rows})
    served = _served(session, shelf.people.values())
    first: dict[str, tuple[str, str]] = {}

    def check(row: Row) -> Fault | None:
        values = row.values
        if values["object_code"] not in objects:
            return Fault("企业代码", values["object_code"], "名录库里没有这个检查对象，请先导入")
        if first.setdefault(values["code"], (values["name"], values["mobile"])) != (
            values["name"],
            values["mobile"],
        ):
            return Fault("联系人编号", values["code"], "同一编号的姓名或手机前后不一致")
        return None

    def finish(row: Row, person: Person) -> bool:
        key = (person.id or 0, objects[row.values["object_code"]])
        if key in served:
            return assign(served[key], duty=row.values["duty"])
        served[key] = EnterpriseContact(person_id=key[0], object_id=key[1], duty=row.values["duty"])
        session.add(served[key])
        return True

    return shelf.take(rows, {Role.ENTERPRISE}, check, finish)


@dataclass(slots=True)
class _Shelf:
    """Everything the rows of one chunk touch, read once."""

    session: Session
    now: dt.datetime
    departments: dict[str, int]
    people: dict[str, Person]
    owners: dict[tuple[str, str], str]  # (platform, user id) -> code of the person it belongs to
    roles: dict[int, dict[str, PersonRole]] = field(default_factory=dict)
    accounts: dict[int, list[Account]] = field(default_factory=dict)
    officers: dict[int, Officer] = field(default_factory=dict)

    @classmethod
    def load(cls, session: Session, rows: Sequence[Row], now: dt.datetime) -> _Shelf:
        codes = {row.values["code"] for row in rows}
        people = {
            p.code: p for p in session.execute(select(Person).where(col(Person.code).in_(codes))).scalars()
        }
        shelf = cls(session, now, department_ids(session), people, _owners(session, rows))
        ids = [person.id for person in people.values()]
        for role in session.execute(select(PersonRole).where(col(PersonRole.person_id).in_(ids))).scalars():
            shelf.roles.setdefault(role.person_id, {})[role.role] = role
        for account in session.execute(select(Account).where(col(Account.person_id).in_(ids))).scalars():
            shelf.accounts.setdefault(account.person_id, []).append(account)
        found = session.execute(select(Officer).where(col(Officer.person_id).in_(ids))).scalars()
        shelf.officers |= {officer.person_id: officer for officer in found}
        return shelf

    def take(
        self,
        rows: Sequence[Row],
        roles: set[Role],
        check: Callable[[Row], Fault | None],
        finish: Callable[[Row, Person], bool],
    ) -> Tally:
        """Store the people, then *roles*, accounts and what *finish* adds (True: something changed)."""
        tally, good = Tally(), []
        for row in rows:
            fault = self._fault(row, staff=Role.ENTERPRISE not in roles) or check(row)
            if fault is not None:
                tally.faults[row.number] = fault
                continue
            new = row.values["code"] not in self.people
            good.append((row, new, self._store(row)))
        self.session.flush()
        for row, new, changed in good:
            person = self.people[row.values["code"]]
            added = self.set_roles(person, self.roles_of(person) | roles)
            bound = self._bind(row, person)
            finished = finish(row, person)
            tally.count(new=new, changed=changed or added or bound or finished)
        self.session.flush()
        return tally

    def roles_of(self, person: Person) -> set[Role]:
        return {Role(name) for name in self.roles.get(person.id or 0, {})}

    def set_roles(self, person: Person, wanted: set[Role]) -> bool:
        """Make the person's roles exactly *wanted*; whether anything changed."""
        have = self.roles.setdefault(person.id or 0, {})
        gone, missing = have.keys() - wanted, wanted - have.keys()
        for name in gone:
            self.session.delete(have.pop(name))
        for role in missing:
            have[role] = PersonRole(person_id=person.id or 0, role=role)
            self.session.add(have[role])
        return bool(gone or missing)

    def _fault(self, row: Row, *, staff: bool) -> Fault | None:
        """Why the person of this row cannot be taken."""
        values = row.values
        if values.get("department") and values["department"] not in self.departments:
            return Fault("部门", values["department"], "没有这个部门，请先导入部门")
        person = self.people.get(values["code"])
        roles = self.roles_of(person) if person is not None else set()
        if roles and staff == (Role.ENTERPRISE in roles):
            other = "企业联络员" if staff else "执法或管理人员"
            return Fault("编号", values["code"], f"这个编号已是{other}，两者不能兼任")
        for platform, column in _PLATFORMS.items():
            user = values[platform]
            if user and self.owners.get((platform, user), values["code"]) != values["code"]:
                return Fault(column, user, "这个账号已绑定其他人员")
        return None

    def _store(self, row: Row) -> bool:
        """Make or change the person; claim the accounts for the rows that follow."""
        values = row.values
        fields = {name: values[name] for name in ("name", "mobile", "active")}
        fields["department_id"] = self.departments.get(values.get("department", ""))
        for platform in _PLATFORMS:
            if values[platform]:
                self.owners[platform, values[platform]] = values["code"]
        person = self.people.get(values["code"])
        if person is not None:
            return assign(person, **fields)
        self.people[values["code"]] = Person(code=values["code"], **fields)
        self.session.add(self.people[values["code"]])
        return True

    def _bind(self, row: Row, person: Person) -> bool:
        """Bind the accounts of the row; each replaces the person's other account on that platform."""
        mine = self.accounts.setdefault(person.id or 0, [])
        changed = False
        for platform in _PLATFORMS:
            user = row.values[platform]
            if not user or any((a.platform, a.user_id) == (platform, user) for a in mine):
                continue
            for old in [a for a in mine if a.platform == platform]:
                mine.remove(old)
                self.session.delete(old)
            mine.append(Account(platform=platform, user_id=user, person_id=person.id or 0, bound_at=self.now))
            self.session.add(mine[-1])
            changed = True
        return changed


def _owners(session: Session, rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    owners: dict[tuple[str, str], str] = {}
    for platform in _PLATFORMS:
        users = {row.values[platform] for row in rows if row.values[platform]}
        query = (
            select(col(Account.user_id), col(Person.code))
            .join(Person, col(Person.id) == Account.person_id)
            .where(col(Account.platform) == platform, col(Account.user_id).in_(users))
        )
        owners |= {(platform, user): code for user, code in session.execute(query)}
    return owners


def _certificates(session: Session) -> dict[str, str]:
    """Code of the holder by certificate number."""
    query = select(col(Officer.certificate_no), col(Person.code)).join(
        Person, col(Person.id) == Officer.person_id
    )
    return dict(session.execute(query).all())


def _object_ids(session: Session, codes: Iterable[str]) -> dict[str, int]:
    """Row ids by code, from the table the foreign key points at: the registry is a slice beside."""
    table: Table = next(iter(EnterpriseContact.__table__.c.object_id.foreign_keys)).column.table  # type: ignore[attr-defined]
    query = select(table.c.code, table.c.id).where(table.c.code.in_(codes))
    return dict(session.execute(query).all())


def _served(session: Session, people: Iterable[Person]) -> dict[tuple[int, int], EnterpriseContact]:
    ids = [person.id for person in people]
    query = select(EnterpriseContact).where(col(EnterpriseContact.person_id).in_(ids))
    return {(row.person_id, row.object_id): row for row in session.execute(query).scalars()}
