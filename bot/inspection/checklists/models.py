"""Checklist versions, the form of a visit, its answers, evidence and the record sheet."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from bot.core.tables import big_id, json_dict, json_list, maybe_moment, moment


class ChecklistVersion(SQLModel, table=True):
    """A published checklist, pinned by tasks; never changed, only withdrawn."""

    __table_args__ = (UniqueConstraint("code", "version", name="uq_checklist_version"),)
    id: int | None = big_id()
    code: str = Field(max_length=32)
    version: int
    name: str = Field(max_length=200)
    sha256: str = Field(max_length=64)
    definition: dict[str, Any] = json_dict()
    withdrawn_at: dt.datetime | None = maybe_moment()


class VisitForm(SQLModel, table=True):
    """The form of one visit: made when it opens, so a second submit finds the first receipt."""

    # PostgreSQL writes a changed row anew, and phones save all the while: beside the old one it leaves the indexes alone
    __table_args__ = {"postgresql_with": {"fillfactor": 50}}
    id: str = Field(primary_key=True, max_length=26)
    visit_id: int = Field(foreign_key="visit.id", unique=True)
    opened_at: dt.datetime = moment()
    opened_by: int = Field(foreign_key="person.id")
    draft: dict[str, Any] = json_dict()  # question key -> {"value": .., "note": ..}; item prefix "CL-1:3"
    draft_version: int = 0
    times: dict[str, Any] = json_dict()  # section -> person -> page -> seconds in view
    draft_by: int | None = Field(default=None, foreign_key="person.id")
    submitted_at: dt.datetime | None = maybe_moment()
    submitted_by: int | None = Field(default=None, foreign_key="person.id")
    receipt: dict[str, Any] = json_dict()


class Answer(SQLModel, table=True):
    """One answer by an officer of the visit, append-only: a correction is a new version with a reason."""

    __table_args__ = (
        ForeignKeyConstraint(
            ["visit_id", "person_id"],
            ["visitofficer.visit_id", "visitofficer.person_id"],
            name="fk_answer_officer",
        ),
        CheckConstraint("version = 1 OR reason <> ''", name="ck_answer_change_has_reason"),
        {"sqlite_with_rowid": False},
    )
    visit_id: int = Field(primary_key=True)
    question: str = Field(primary_key=True, max_length=60)  # "CL-1:3"
    version: int = Field(default=1, primary_key=True)
    value: str = ""
    note: str = ""
    person_id: int
    at: dt.datetime = moment()
    reason: str = ""


class Evidence(SQLModel, table=True):
    """A link from a visit (and question) to a stored file; the file is stored once under its SHA-256 (C19)."""

    __table_args__ = (
        UniqueConstraint("visit_id", "question", "sha256", name="uq_evidence"),
        CheckConstraint("removed_at IS NULL OR removed_by IS NOT NULL", name="ck_evidence_removed_by"),
    )
    id: int | None = big_id()
    visit_id: int = Field(foreign_key="visit.id")
    question: str = Field(default="", max_length=60)
    sha256: str = Field(max_length=64, index=True)
    media_type: str = Field(max_length=60)
    size: int
    kind: str = Field(default="PHOTO", max_length=12)  # PHOTO | SIGNATURE | FILE
    person_id: int = Field(foreign_key="person.id")
    at: dt.datetime = moment()
    latitude: float | None = None
    longitude: float | None = None
    source: str = Field(default="H5", max_length=12)  # H5 | WECOM | DINGTALK
    taken_at: dt.datetime | None = maybe_moment()  # as the camera wrote it
    taken_latitude: float | None = None
    taken_longitude: float | None = None
    signs: list[str] = json_list()  # what does not fit the visit; a person judges
    removed_at: dt.datetime | None = maybe_moment()  # taken back before it was handed in; the file stays
    removed_by: int | None = Field(default=None, foreign_key="person.id")


class FormDevice(SQLModel, table=True):
    """A browser that may open one person's forms: it once typed a code that only this person's chat was told."""

    __table_args__ = (CheckConstraint("bound_at IS NULL OR code = ''", name="ck_form_device_code_used"),)
    id: int | None = big_id()
    person_id: int = Field(foreign_key="person.id", index=True)
    key_sha256: str = Field(unique=True, max_length=64)  # of the cookie
    code: str = Field(default="", max_length=6)
    tries: int = 0  # wrong codes
    asked_at: dt.datetime = moment()
    bound_at: dt.datetime | None = maybe_moment()
    gone_at: dt.datetime | None = maybe_moment()  # no longer let in


class RecordSheet(SQLModel, table=True):
    """检查记录表 of a visit: signed, or refused with a reason (SC-4.2.4.a-c)."""

    __table_args__ = (
        CheckConstraint(
            "(signature_sha256 <> '' AND signed_by <> '') OR (refusal_code <> '' AND refusal_text <> '')",
            name="ck_record_sheet_signed_or_reason",
        ),
    )
    visit_id: int = Field(foreign_key="visit.id", primary_key=True)
    closed_at: dt.datetime = moment()
    signed_by: str = Field(default="", max_length=40)
    signature_sha256: str = Field(default="", max_length=64)
    refusal_code: str = Field(default="", max_length=20)
    refusal_text: str = ""
    witness: str = ""
    pdf_sha256: str = Field(default="", max_length=64)
    verify_code: str = Field(default="", max_length=26, index=True)
    round: int = 1  # of the submission it belongs to: a later one makes it a supplementary sheet


class EarlierSheet(SQLModel, table=True):
    """A record sheet that a supplementary one followed: it stays readable under its own code."""

    verify_code: str = Field(primary_key=True, max_length=26)
    visit_id: int = Field(foreign_key="visit.id", index=True)
    round: int
    closed_at: dt.datetime = moment()
    replaced_at: dt.datetime = moment()
    signed_by: str = Field(default="", max_length=40)
    signature_sha256: str = Field(default="", max_length=64)
    refusal_code: str = Field(default="", max_length=20)
    refusal_text: str = ""
    witness: str = ""
    pdf_sha256: str = Field(default="", max_length=64)


class SheetSignature(SQLModel, table=True):
    """An officer's signature under a record sheet, or the objection recorded beside it (C18, 行政处罚法 art. 55).

    ``verify_code`` is the sheet it stands on: a sheet made void takes its signatures with it, and they stay
    readable. ``seen_sha256`` is the file the officer had before them, ``sections`` what they answer for.
    """

    __table_args__ = (
        UniqueConstraint("verify_code", "person_id", name="uq_sheet_signature"),
        CheckConstraint("agrees OR objection <> ''", name="ck_sheet_signature_objection"),
    )
    id: int | None = big_id()
    visit_id: int = Field(foreign_key="visit.id", index=True)
    verify_code: str = Field(max_length=26)
    person_id: int = Field(foreign_key="person.id")
    department: str = Field(default="", max_length=100)
    sections: str = ""
    agrees: bool = True
    objection: str = ""
    signature_sha256: str = Field(default="", max_length=64)  # empty: confirmed by pressing
    way: str = Field(default="H5", max_length=12)  # H5 | WECOM | DINGTALK
    seen_sha256: str = Field(default="", max_length=64)
    at: dt.datetime = moment()
