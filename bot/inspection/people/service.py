"""Tie chat accounts to people: one-time codes, and who is behind an account."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from sqlalchemy import delete
from sqlmodel import Session, col, select

from bot.core.errors import Problem
from bot.inspection.audit import service as audit
from bot.inspection.people.models import Account, BindCode, Person

CODE_LIFETIME = dt.timedelta(hours=24)
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # nothing that reads as something else
_LENGTH = 8


def issue_bind_code(session: Session, *, person_id: int, now: dt.datetime, actor: int | None = None) -> str:
    """A fresh one-time code for the person, good for ``CODE_LIFETIME``; earlier unused ones end.

    Only its digest is stored. One of 31 ** 8: with a thousand codes open, guessing takes 10 ** 8 messages.
    ``Problem`` ``person_unknown`` for somebody who left.
    """
    person = session.get(Person, person_id)
    if person is None or not person.active:
        raise Problem("person_unknown", "没有这个在职人员")
    session.execute(delete(BindCode).where(col(BindCode.used_at).is_(None), col(BindCode.expires_at) <= now))
    session.execute(
        delete(BindCode).where(col(BindCode.person_id) == person_id, col(BindCode.used_at).is_(None))
    )
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    session.add(BindCode(code_sha256=_digest(code), person_id=person_id, expires_at=now + CODE_LIFETIME))
    audit.record(session, "bind_code.issued", f"person:{person_id}", now=now, actor=actor)
    return code


def use_bind_code(session: Session, *, platform: str, user_id: str, code: str, now: dt.datetime) -> int:
    """Bind the account and return the person. The same account may say the same code again.

    ``Problem`` ``bind_code_wrong`` (also for a used one: nothing is given away), ``bind_code_expired``, or
    ``account_taken`` when the account belongs to somebody else.
    """
    account = session.exec(
        select(Account).where(Account.platform == platform, Account.user_id == user_id)
    ).one_or_none()
    row = session.exec(
        select(BindCode).where(BindCode.code_sha256 == _digest(code)).with_for_update()
    ).one_or_none()
    if row is None or (row.used_at is not None and (account is None or account.person_id != row.person_id)):
        raise Problem("bind_code_wrong", "验证码不对或已用过，请核对，或请管理员重发。")
    if row.used_at is not None:
        return row.person_id
    if row.expires_at <= now:
        raise Problem("bind_code_expired", "验证码已过期，请管理员重发。")
    if account is not None and account.person_id != row.person_id:
        raise Problem("account_taken", "这个账号已绑定其他人员，请联系管理员。")
    if account is None:
        account = Account(platform=platform, user_id=user_id, person_id=row.person_id, bound_at=now)
    account.dead_since, account.dead_reason = None, ""
    row.used_at = now
    session.add_all([account, row])
    audit.record(
        session, "account.bound", f"person:{row.person_id}", now=now, actor=row.person_id, platform=platform
    )
    return row.person_id


def find_person(session: Session, platform: str, user_id: str) -> Person | None:
    """The active person behind an account."""
    return session.exec(
        select(Person)
        .join(Account, col(Account.person_id) == Person.id)
        .where(Account.platform == platform, Account.user_id == user_id, col(Person.active))
    ).one_or_none()


def _digest(code: str) -> str:
    return hashlib.sha256(f"suicha.bind.{code.strip().upper()}".encode()).hexdigest()
