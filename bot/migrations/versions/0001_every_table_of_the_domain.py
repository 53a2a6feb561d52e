"""Every table of the domain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Moment = sa.DateTime(timezone=True)
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "auditentry",
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_auditentry_action", "auditentry", ["action"])
    op.create_index("ix_auditentry_subject", "auditentry", ["subject"])

    op.create_table(
        "audithead",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "checklistversion",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("withdrawn_at", Moment, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "version", name="uq_checklist_version"),
    )
    op.create_index("ix_checklistversion_code", "checklistversion", ["code"])

    op.create_table(
        "department",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("territory", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["department.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    op.create_table(
        "importbatch",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("filename", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("finished_at", Moment, nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("rejects", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "inboxevent",
        sa.Column("id", BigId, nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", Moment, nullable=False),
        sa.Column("handled_at", Moment, nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('new', 'done', 'failed')", name="ck_inbox_state"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("platform", "event_id", name="uq_inbox_event"),
    )
    op.create_index(
        "ix_inbox_new",
        "inboxevent",
        ["not_before"],
        sqlite_where=sa.text("state = 'new'"),
        postgresql_where=sa.text("state = 'new'"),
    )

    op.create_table(
        "inspectionobject",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("district", sa.String(length=60), nullable=False),
        sa.Column("industry", sa.String(length=60), nullable=False),
        sa.Column("credit_class", sa.String(length=1), nullable=False),
        sa.Column("status", sa.String(length=14), nullable=False),
        sa.Column("user_unit_code", sa.String(length=40), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("row_sha256", sa.String(length=64), nullable=False),
        sa.Column("updated_at", Moment, nullable=False),
        sa.CheckConstraint("credit_class IN ('A', 'B', 'C', 'D')", name="ck_object_class"),
        sa.CheckConstraint(
            "kind IN ('BUSINESS', 'EQUIPMENT', 'PRODUCT', 'PROJECT', 'BEHAVIOUR')", name="ck_object_kind"
        ),
        sa.CheckConstraint(
            "status IN ('ACTIVE', 'DEREGISTERED', 'REVOKED', 'MOVED')", name="ck_object_status"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    op.create_index("ix_inspectionobject_district", "inspectionobject", ["district"])
    op.create_index("ix_inspectionobject_industry", "inspectionobject", ["industry"])

    op.create_table(
        "talk",
        sa.Column("person_key", sa.String(length=160), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.PrimaryKeyConstraint("person_key"),
    )
    op.create_table(
        "credithistory",
        sa.Column("id", BigId, nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("credit_class", sa.String(length=1), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["inspectionobject.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_credithistory_object_id", "credithistory", ["object_id"])

    op.create_table(
        "item",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("field", sa.String(length=60), nullable=False),
        sa.Column("target", sa.String(length=100), nullable=False),
        sa.Column("klass", sa.String(length=10), nullable=False),
        sa.Column("cap_percent", sa.Float(), nullable=True),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("method", sa.String(length=60), nullable=False),
        sa.Column("notice_mode", sa.String(length=12), nullable=False),
        sa.Column("ratio_authority", sa.String(length=8), nullable=False),
        sa.Column("checklist_code", sa.String(length=32), nullable=False),
        sa.Column("label_required", sa.String(length=40), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("NOT active OR basis <> ''", name="ck_item_active_has_basis"),
        sa.CheckConstraint("klass = 'KEY' OR cap_percent IS NOT NULL", name="ck_item_general_has_cap"),
        sa.CheckConstraint("klass IN ('KEY', 'GENERAL')", name="ck_item_class"),
        sa.CheckConstraint("notice_mode IN ('ADVANCE', 'ON_SITE', 'UNANNOUNCED')", name="ck_item_notice"),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "version", name="uq_item_version"),
    )
    op.create_index("ix_item_code", "item", ["code"])
    op.create_index("ix_item_department_id", "item", ["department_id"])

    op.create_table(
        "person",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("mobile", sa.String(length=20), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
    )
    op.create_index("ix_person_department_id", "person", ["department_id"])

    op.create_table(
        "plan",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("approved_at", Moment, nullable=True),
        sa.Column("published_at", Moment, nullable=True),
        sa.CheckConstraint("state IN ('DRAFT', 'APPROVED', 'PUBLISHED', 'SUPERSEDED')", name="ck_plan_state"),
        sa.CheckConstraint("version = 1 OR ground <> ''", name="ck_plan_change_has_ground"),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code", "version", name="uq_plan_version"),
    )
    op.create_index("ix_plan_code", "plan", ["code"])

    op.create_table(
        "absence",
        sa.Column("id", BigId, nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_absence_person_id", "absence", ["person_id"])

    op.create_table(
        "account",
        sa.Column("id", BigId, nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("bound_at", Moment, nullable=False),
        sa.Column("dead_since", Moment, nullable=True),
        sa.Column("dead_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("platform", "user_id", name="uq_account"),
    )
    op.create_index("ix_account_person_id", "account", ["person_id"])
    op.create_index("ix_account_person_platform", "account", ["person_id", "platform"])

    op.create_table(
        "bindcode",
        sa.Column("code_sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("used_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("code_sha256"),
    )
    op.create_index("ix_bindcode_person_id", "bindcode", ["person_id"])

    op.create_table(
        "consolelogin",
        sa.Column("link_sha256", sa.String(length=64), nullable=False),
        sa.Column("session_sha256", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("used_at", Moment, nullable=False),
        sa.Column("ended_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("link_sha256"),
        sa.UniqueConstraint("session_sha256"),
    )
    op.create_index("ix_consolelogin_person_id", "consolelogin", ["person_id"])

    op.create_table(
        "enterprisecontact",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("duty", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["inspectionobject.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("person_id", "object_id"),
    )
    op.create_index("ix_enterprisecontact_object_id", "enterprisecontact", ["object_id"])

    op.create_table(
        "notice",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("recipient_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.String(length=60), nullable=False),
        sa.Column("priority", sa.String(length=1), nullable=False),
        sa.Column("statutory", sa.Boolean(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("not_before", Moment, nullable=False),
        sa.Column("expires_at", Moment, nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", Moment, nullable=True),
        sa.Column("lease_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("done_at", Moment, nullable=True),
        sa.Column("read_at", Moment, nullable=True),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("card_id", sa.String(length=100), nullable=False),
        sa.CheckConstraint("state <> 'sending' OR lease_until IS NOT NULL", name="ck_notice_lease"),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'sent', 'failed', 'expired', 'withdrawn', 'skipped')",
            name="ck_notice_state",
        ),
        sa.CheckConstraint("expires_at IS NULL OR expires_at > not_before", name="ck_notice_useful"),
        sa.ForeignKeyConstraint(["recipient_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "subject", "recipient_id", "slot", name="uq_notice"),
    )
    op.create_index("ix_notice_card_id", "notice", ["card_id"])
    op.create_index(
        "ix_notice_due",
        "notice",
        ["not_before", "priority"],
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_notice_leased",
        "notice",
        ["lease_until"],
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index("ix_notice_recipient_id", "notice", ["recipient_id"])
    op.create_index("ix_notice_subject", "notice", ["subject"])

    op.create_table(
        "officer",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("certificate_no", sa.String(length=32), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("territory", sa.String(length=100), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.CheckConstraint("valid_from <= valid_to", name="ck_officer_validity"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("person_id"),
        sa.UniqueConstraint("certificate_no"),
    )
    op.create_table(
        "personrole",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.CheckConstraint(
            "role IN ('OFFICER', 'LEAD', 'REVIEWER', 'COORDINATOR', 'ADMIN', 'ENTERPRISE')",
            name="ck_person_role",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("person_id", "role"),
    )
    op.create_index("ix_personrole_role", "personrole", ["role"])

    op.create_table(
        "planline",
        sa.Column("id", BigId, nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("item_ids", sa.JSON(), nullable=False),
        sa.Column("lead_department_id", sa.Integer(), nullable=False),
        sa.Column("joint_department_ids", sa.JSON(), nullable=False),
        sa.Column("ratios", sa.JSON(), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("focus", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("officers_per_visit", sa.Integer(), nullable=False),
        sa.Column("batch_size", sa.Integer(), nullable=False),
        sa.Column("window_start", sa.Date(), nullable=False),
        sa.Column("window_end", sa.Date(), nullable=False),
        sa.CheckConstraint("officers_per_visit >= 1", name="ck_plan_line_officers"),
        sa.CheckConstraint("window_start <= window_end", name="ck_plan_line_window"),
        sa.ForeignKeyConstraint(["lead_department_id"], ["department.id"]),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("plan_id", "number", name="uq_plan_line"),
    )
    op.create_index("ix_planline_plan_id", "planline", ["plan_id"])

    op.create_table(
        "relation",
        sa.Column("id", BigId, nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("ground", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["object_id"], ["inspectionobject.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id", "object_id", name="uq_relation"),
    )
    op.create_index("ix_relation_object_id", "relation", ["object_id"])
    op.create_index("ix_relation_person_id", "relation", ["person_id"])

    op.create_table(
        "training",
        sa.Column("id", BigId, nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("session", sa.String(length=100), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("person_id", "session", name="uq_training"),
    )
    op.create_index("ix_training_person_id", "training", ["person_id"])

    op.create_table(
        "attempt",
        sa.Column("id", BigId, nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("repeated", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("notice_id", "n", name="uq_attempt"),
    )
    op.create_index("ix_attempt_notice_id", "attempt", ["notice_id"])

    op.create_table(
        "card",
        sa.Column("card_id", sa.String(length=100), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("platform", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("shown", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("not_before", Moment, nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("sent_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("card_id"),
    )
    op.create_index("ix_card_notice_id", "card", ["notice_id"])
    op.create_index("ix_card_person_id", "card", ["person_id"])
    op.create_index(
        "ix_card_stale",
        "card",
        ["not_before"],
        sqlite_where=sa.text("stale"),
        postgresql_where=sa.text("stale"),
    )
    op.create_index("ix_card_subject", "card", ["subject"])

    op.create_table(
        "task",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("plan_line_id", sa.Integer(), nullable=False),
        sa.Column("lead_department_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("targeted", sa.Boolean(), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("mode_reason", sa.String(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("item_ids", sa.JSON(), nullable=False),
        sa.Column("checklist_ids", sa.JSON(), nullable=False),
        sa.Column("window_start", sa.Date(), nullable=False),
        sa.Column("window_end", sa.Date(), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("dispatched_at", Moment, nullable=True),
        sa.Column("completed_at", Moment, nullable=True),
        sa.CheckConstraint("mode = 'BOTH' OR mode_reason <> ''", name="ck_task_mode_reason"),
        sa.CheckConstraint("mode IN ('BOTH', 'OBJECT_ONLY', 'PERSON_ONLY')", name="ck_task_mode"),
        sa.CheckConstraint(
            "state IN ('DRAFT', 'APPROVED', 'LIBRARIES_CONFIRMED', 'OBJECTS_DRAWN', 'DISPATCHED', 'IN_PROGRESS', 'COMPLETED', 'ARCHIVED', 'CANCELLED', 'SUSPENDED', 'TERMINATED')",
            name="ck_task_state",
        ),
        sa.ForeignKeyConstraint(["lead_department_id"], ["department.id"]),
        sa.ForeignKeyConstraint(["plan_line_id"], ["planline.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("ix_task_plan_line_id", "task", ["plan_line_id"])
    op.create_index("ix_task_state", "task", ["state"])

    op.create_table(
        "draw",
        sa.Column("id", BigId, nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("pool_size", sa.Integer(), nullable=False),
        sa.Column("pool_sha256", sa.String(length=64), nullable=False),
        sa.Column("rules_sha256", sa.String(length=64), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("secret_hex", sa.String(length=64), nullable=False),
        sa.Column("sources", sa.JSON(), nullable=False),
        sa.Column("public_value", sa.String(), nullable=False),
        sa.Column("seed_hex", sa.String(length=64), nullable=False),
        sa.Column("transcript", sa.JSON(), nullable=False),
        sa.Column("committed_at", Moment, nullable=False),
        sa.Column("revealed_at", Moment, nullable=True),
        sa.Column("locked_at", Moment, nullable=True),
        sa.Column("void_ground", sa.String(), nullable=False),
        sa.Column("void_approved_by", sa.Integer(), nullable=True),
        sa.CheckConstraint("state <> 'VOID' OR void_ground <> ''", name="ck_draw_void_ground"),
        sa.CheckConstraint("state = 'COMMITTED' OR state = 'VOID' OR seed_hex <> ''", name="ck_draw_seed"),
        sa.CheckConstraint("state IN ('COMMITTED', 'REVEALED', 'LOCKED', 'VOID')", name="ck_draw_state"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.ForeignKeyConstraint(["void_approved_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("task_id", "round", name="uq_draw_round"),
    )
    op.create_index("ix_draw_task_id", "draw", ["task_id"])
    op.create_index(
        "uq_draw_live",
        "draw",
        ["task_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'VOID'"),
        postgresql_where=sa.text("state <> 'VOID'"),
    )

    op.create_table(
        "taskitem",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.PrimaryKeyConstraint("task_id", "item_id"),
    )
    op.create_index("ix_taskitem_item_id", "taskitem", ["item_id"])

    op.create_table(
        "visit",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.String(length=48), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("stratum", sa.String(length=60), nullable=False),
        sa.Column("ticket", sa.String(length=64), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("accepted_at", Moment, nullable=True),
        sa.Column("on_site_at", Moment, nullable=True),
        sa.Column("recorded_at", Moment, nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("submitted_at", Moment, nullable=True),
        sa.Column("reviewed_at", Moment, nullable=True),
        sa.Column("publish_due", sa.Date(), nullable=True),
        sa.Column("published_at", Moment, nullable=True),
        sa.Column("outcome", sa.String(length=4), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "state IN ('ASSIGNED', 'ACCEPTED', 'ON_SITE', 'RECORDED', 'IN_REVIEW', 'APPROVED', 'PUBLISHED', 'NON_PUBLIC')",
            name="ck_visit_state",
        ),
        sa.ForeignKeyConstraint(["object_id"], ["inspectionobject.id"]),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("task_id", "object_id", name="uq_visit_object"),
    )
    op.create_index("ix_visit_object_id", "visit", ["object_id"])
    op.create_index("ix_visit_state_publish_due", "visit", ["state", "publish_due"])
    op.create_index("ix_visit_state_reminded", "visit", ["state", "reminded_on"])
    op.create_index("ix_visit_task_id", "visit", ["task_id"])
    op.create_index("ix_visit_task_state", "visit", ["task_id", "state"])

    op.create_table(
        "answer",
        sa.Column("id", BigId, nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint("version = 1 OR reason <> ''", name="ck_answer_change_has_reason"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id", "question", "version", name="uq_answer_version"),
    )
    op.create_index("ix_answer_visit_id", "answer", ["visit_id"])

    op.create_table(
        "checkin",
        sa.Column("id", BigId, nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("late_reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id", "person_id", name="uq_check_in"),
    )
    op.create_index("ix_checkin_visit_id", "checkin", ["visit_id"])

    op.create_table(
        "drawfile",
        sa.Column("draw_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"]),
        sa.PrimaryKeyConstraint("draw_id", "name"),
    )
    op.create_table(
        "drawpick",
        sa.Column("id", BigId, nullable=False),
        sa.Column("draw_id", sa.Integer(), nullable=False),
        sa.Column("object_id", sa.Integer(), nullable=False),
        sa.Column("stratum", sa.String(length=60), nullable=False),
        sa.Column("ticket", sa.String(length=64), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"]),
        sa.ForeignKeyConstraint(["object_id"], ["inspectionobject.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("draw_id", "object_id", name="uq_draw_pick"),
    )
    op.create_index("ix_drawpick_draw_id", "drawpick", ["draw_id"])
    op.create_index("ix_drawpick_object_id", "drawpick", ["object_id"])

    op.create_table(
        "enterprisenotice",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("delivered_at", Moment, nullable=True),
        sa.Column("delivery", sa.String(length=16), nullable=False),
        sa.Column("read_at", Moment, nullable=True),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("visit_id"),
    )
    op.create_table(
        "evidence",
        sa.Column("id", BigId, nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("question", sa.String(length=60), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=60), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("source", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id", "question", "sha256", name="uq_evidence"),
    )
    op.create_index("ix_evidence_sha256", "evidence", ["sha256"])
    op.create_index("ix_evidence_visit_id", "evidence", ["visit_id"])

    op.create_table(
        "followup",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.String(length=48), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=14), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("codes", sa.String(length=40), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("order_text", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("handler_id", sa.Integer(), nullable=False),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("handled_at", Moment, nullable=True),
        sa.Column("reported_at", Moment, nullable=True),
        sa.Column("report", sa.String(), nullable=False),
        sa.Column("closed_at", Moment, nullable=True),
        sa.Column("closing_note", sa.String(), nullable=False),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.CheckConstraint("state <> 'CLOSED' OR closing_note <> ''", name="ck_follow_up_closing"),
        sa.CheckConstraint("state <> 'ORDERED' OR due_on IS NOT NULL", name="ck_follow_up_term"),
        sa.CheckConstraint(
            "state IN ('OPEN', 'ORDERED', 'RECHECK_DUE', 'CORRECTED', 'CASE_FILED', 'TRANSFERRED', 'NO_PENALTY', 'CLOSED')",
            name="ck_follow_up_state",
        ),
        sa.ForeignKeyConstraint(["handler_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("visit_id", "item_id", name="uq_follow_up"),
    )
    op.create_index("ix_follow_up_due", "followup", ["state", "due_on"])
    op.create_index("ix_followup_handler_id", "followup", ["handler_id"])
    op.create_index("ix_followup_visit_id", "followup", ["visit_id"])

    op.create_table(
        "itemresult",
        sa.Column("id", BigId, nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint("version = 1 OR reason <> ''", name="ck_item_result_reason"),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id", "item_id", "version", name="uq_item_result"),
    )
    op.create_index("ix_itemresult_visit_id", "itemresult", ["visit_id"])

    op.create_table(
        "publication",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("object_code", sa.String(length=40), nullable=False),
        sa.Column("object_name", sa.String(length=200), nullable=False),
        sa.Column("task_number", sa.String(length=40), nullable=False),
        sa.Column("result", sa.String(length=60), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("published_at", Moment, nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.CheckConstraint("version = 1 OR ground <> ''", name="ck_publication_ground"),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id", "version", name="uq_publication_version"),
    )
    op.create_index("ix_publication_object_code", "publication", ["object_code"])
    op.create_index("ix_publication_published_at", "publication", ["published_at"])
    op.create_index("ix_publication_result", "publication", ["result"])
    op.create_index("ix_publication_task_number", "publication", ["task_number"])
    op.create_index("ix_publication_visit_id", "publication", ["visit_id"])

    op.create_table(
        "recordsheet",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("closed_at", Moment, nullable=False),
        sa.Column("signed_by", sa.String(length=40), nullable=False),
        sa.Column("signature_sha256", sa.String(length=64), nullable=False),
        sa.Column("refusal_code", sa.String(length=20), nullable=False),
        sa.Column("refusal_text", sa.String(), nullable=False),
        sa.Column("witness", sa.String(), nullable=False),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=False),
        sa.Column("verify_code", sa.String(length=26), nullable=False),
        sa.CheckConstraint(
            "(signature_sha256 <> '' AND signed_by <> '') OR (refusal_code <> '' AND refusal_text <> '')",
            name="ck_record_sheet_signed_or_reason",
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("visit_id"),
    )
    op.create_index("ix_recordsheet_verify_code", "recordsheet", ["verify_code"])

    op.create_table(
        "review",
        sa.Column("id", BigId, nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("at", Moment, nullable=False),
        sa.CheckConstraint("decision = 'APPROVED' OR reason <> ''", name="ck_review_return_has_reason"),
        sa.CheckConstraint("decision IN ('APPROVED', 'RETURNED')", name="ck_review_decision"),
        sa.ForeignKeyConstraint(["reviewer_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id", "round", name="uq_review_round"),
    )
    op.create_index("ix_review_visit_id", "review", ["visit_id"])

    op.create_table(
        "visitform",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("opened_at", Moment, nullable=False),
        sa.Column("opened_by", sa.Integer(), nullable=False),
        sa.Column("draft", sa.JSON(), nullable=False),
        sa.Column("draft_version", sa.Integer(), nullable=False),
        sa.Column("draft_by", sa.Integer(), nullable=True),
        sa.Column("submitted_at", Moment, nullable=True),
        sa.Column("submitted_by", sa.Integer(), nullable=True),
        sa.Column("receipt", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["draft_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["opened_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["submitted_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id"),
    )
    op.create_table(
        "visitofficer",
        sa.Column("id", BigId, nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=14), nullable=False),
        sa.Column("leader", sa.Boolean(), nullable=False),
        sa.Column("ticket", sa.String(length=64), nullable=False),
        sa.Column("assigned_at", Moment, nullable=False),
        sa.Column("accepted_at", Moment, nullable=True),
        sa.Column("replaced_by", sa.Integer(), nullable=True),
        sa.Column("recusal_reason", sa.String(), nullable=False),
        sa.Column("recusal_decided_by", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state IN ('ASSIGNED', 'ACCEPTED', 'RECUSAL_ASKED', 'REPLACED')", name="ck_visit_officer_state"
        ),
        sa.ForeignKeyConstraint(["department_id"], ["department.id"]),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["recusal_decided_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["replaced_by"], ["person.id"]),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("visit_id", "person_id", name="uq_visit_officer"),
    )
    op.create_index("ix_visit_officer_state", "visitofficer", ["state", "assigned_at"])
    op.create_index("ix_visitofficer_person_id", "visitofficer", ["person_id"])
    op.create_index("ix_visitofficer_visit_id", "visitofficer", ["visit_id"])
