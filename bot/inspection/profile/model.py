"""The locality profile (地方配置): one object of typed settings, and which of them are only defaults.

The shape follows requirements 4.4. The values of ``data/default.yaml`` are the defaults of every field; a
locality's file overrides them (see ``loading``).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from bot.inspection.profile import terms

LAST_DAY = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
STEP = re.compile(r"(?P<anchor>[TSDH])(?P<offset>[+-]\d{1,3})")


def _month_day(text: str) -> str:
    match = re.fullmatch(r"(\d{2})-(\d{2})", text)
    if not match or not 1 <= int(match[1]) <= 12 or not 1 <= int(match[2]) <= LAST_DAY[int(match[1]) - 1]:
        raise ValueError("应是月-日，例如 03-31")
    return text


def _wall_time(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError("应是时刻，例如 09:00")
    return text


MonthDay = Annotated[str, AfterValidator(_month_day)]  # every year; 29 February is refused
WallTime = Annotated[str, AfterValidator(_wall_time)]  # Chinese wall clock
Percent = Annotated[Decimal, Field(ge=0, le=100)]
Days = Annotated[int, Field(ge=0, le=366)]


class Part(BaseModel):
    """A block of settings: no unknown keys, never changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Adjust(Part):
    needs_reason: bool
    needs_approval: bool
    republish: bool
    grounds: tuple[str, ...]


class PlanRules(Part):
    department_due: MonthDay
    joint_due: MonthDay
    filed_with: str
    publish: tuple[str, ...]
    mandatory_fields: tuple[str, ...]
    item_coverage: Percent
    adjust: Adjust


class ItemRules(Part):
    source: terms.ItemSource
    fields: tuple[str, ...]
    general_cap_required: bool
    low_risk_may_be_zero: bool
    ratio_authority_default: terms.RatioAuthority
    special_sweeps: terms.SpecialSweeps


class LibraryRules(Part):
    object_types: tuple[str, ...]
    staff_groups: tuple[str, ...]
    base_on_certificate_list: bool
    refresh: terms.LibraryRefresh


class DrawRules(Part):
    modes: tuple[terms.DrawMode, ...]
    officers_min: Annotated[int, Field(ge=2, le=20)]  # 行政处罚法 article 42: never fewer than two
    library_confirm_before_draw: bool


class JointRules(Part):
    lead_rule: terms.LeadRule
    forms: tuple[str, ...]


class VisitRules(Part):
    methods: tuple[terms.Method, ...]
    third_parties: tuple[str, ...]
    training_gate: bool
    notice_mode: terms.NoticeMode
    notice_lead_workdays: Days
    late_registration_days: Days
    contact_attempts_min: Annotated[int, Field(ge=1, le=20)]
    return_visits: bool
    return_workdays: Annotated[int, Field(ge=1, le=120)]
    return_appointment: bool


class RecordRules(Part):
    signature: terms.Demand
    refusal_reason: terms.Demand
    witness: terms.Demand
    whole_process: bool


class ReviewRules(Part):
    workdays: Days
    returned_workdays: Days


class PublicityRules(Part):
    days: Annotated[int, Field(ge=1, le=366)]
    unit: terms.DayUnit
    start_normal: terms.ClockStart
    start_problem: terms.ClockStart
    count_first_day: bool
    level: terms.ClockLevel
    covers: terms.ClockCovers
    yearly_deadline: MonthDay | None
    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    publish_handling: bool
    publish_refusal: bool
    non_public_needs_approval: bool

    @model_validator(mode="after")
    def _a_normal_result_has_no_decision(self) -> PublicityRules:
        if self.start_normal is terms.ClockStart.HANDLING_DECIDED:
            raise ValueError("正常结果没有处理决定，start_normal 不能是 HANDLING_DECIDED")
        return self


class FollowupRules(Part):
    crime_receiver: str
    receipt_workdays: Days
    receipt_escalation_workdays: Days
    explanation_days: Days
    abnormal_list_workdays: Days
    recheck_workdays: Days
    mutual_recognition: bool
    recognition_months: Annotated[int, Field(ge=0, le=60)]
    credit_tools: tuple[str, ...]
    exemption_facts: tuple[str, ...]


class BulletinRules(Part):
    period_months: Annotated[int, Field(ge=1, le=12)]
    issuer: str


class ClueRules(Part):
    """Case clues: when the visit is due, when silence is passed up, when many clues are a cluster (YL-3.7)."""

    visit_workdays: Annotated[int, Field(ge=1, le=30)]
    accept_hours: Annotated[int, Field(ge=1, le=72)]
    cluster_days: Annotated[int, Field(ge=1, le=366)]
    cluster_min: Annotated[int, Field(ge=2, le=1000)]


class WarningRules(Part):
    """Early warning at an import: by how much the risk index rises before it is told (ZJ-2.5.g)."""

    index_jump: Annotated[int, Field(ge=1)]


class Targets(Part):
    """Shares in percent, ``以上`` includes the number itself (requirements 4.3); None means no target."""

    m1: Percent | None
    m2: Percent | None
    m3: Percent | None
    m4a: Percent | None
    m4b: Percent | None
    m5: Percent | None
    m6: Percent | None


class FrequencyRules(Part):
    ceiling_per_year: Annotated[int, Field(ge=1, le=366)] | None
    warn_per_day: Annotated[int, Field(ge=1)]
    warn_per_week: Annotated[int, Field(ge=1)]
    warn_per_month: Annotated[int, Field(ge=1)]


class Rules2025(Part):
    """Switches of decision D21; all off is the behaviour of the seeds alone."""

    head_approval: bool
    frequency_ceiling: bool
    task_code: bool
    plan_filed_with_justice: bool
    white_list: bool


class MessageRules(Part):
    remind_at: WallTime
    quiet_from: WallTime
    quiet_until: WallTime
    quiet_on_rest_days: bool
    urgent: tuple[str, ...]
    one_digest_per_day: bool
    ack_workdays: Annotated[int, Field(ge=1, le=20)]
    snooze_max: Annotated[int, Field(ge=0, le=10)]
    answer_hours: dict[str, Annotated[int, Field(ge=1, le=72)]]  # by message kind


class Step(Part):
    """One reminder of a schedule.

    ``at`` is T-5 or T+3 (working days before or after the due date), S+1 (working days after the duty began),
    D-30 (calendar days before the due date) or H-2 (hours before the moment a clock by the hour ends).
    ``every`` repeats the step each n working days from there; ``time`` is its hour, else that of all reminders.
    """

    at: str
    who: Annotated[tuple[terms.Role, ...], Field(min_length=1)]
    every: Annotated[int, Field(ge=1, le=60)] | None = None
    time: WallTime | None = None
    digest: bool = False  # no message of its own: the lead's morning card says it

    @model_validator(mode="after")
    def _at_is_readable(self) -> Step:
        match = STEP.fullmatch(self.at)
        if not match or (match["anchor"] == "S" and match["offset"][0] == "-"):
            raise ValueError("应写成 T-5、T+3、S+1、D-30 或 H-2")
        if self.digest and self.who != (terms.Role.LEAD,):
            raise ValueError("只有发给 lead 的提醒可以并入今日待办（digest）")
        return self

    @property
    def anchor(self) -> terms.Anchor:
        """What ``offset`` counts from."""
        return terms.Anchor(self.at[0])

    @property
    def offset(self) -> int:
        """Days; negative is before the due date."""
        return int(self.at[1:])


class Profile(Part):
    """Everything a locality decides. ``defaults_used`` names what it left to the defaults."""

    profile: str
    name: str
    basis: str
    calendar: str
    plan: PlanRules
    items: ItemRules
    library: LibraryRules
    draw: DrawRules
    joint: JointRules
    visit: VisitRules
    record: RecordRules
    review: ReviewRules
    publicity: PublicityRules
    channel_names: dict[str, str]
    followup: FollowupRules
    clue: ClueRules
    warning: WarningRules
    bulletin: BulletinRules
    platform: str
    targets: Targets
    frequency: FrequencyRules
    rules_2025: Rules2025
    messages: MessageRules
    reminders: dict[str, tuple[Step, ...]]  # by kind of duty, requirements section 5

    _defaults_used: frozenset[str] = PrivateAttr(default=frozenset())

    @model_validator(mode="after")
    def _every_channel_has_a_name(self) -> Profile:
        for channel in (*self.plan.publish, *self.publicity.channels):
            if channel not in self.channel_names:
                raise ValueError(f"渠道“{channel}”在 channel_names 里没有中文名称")
        return self

    @model_validator(mode="after")
    def _everybody_reminded_has_a_message(self) -> Profile:
        for kind, steps in self.reminders.items():
            for who in dict.fromkeys(who for step in steps for who in step.who):
                if who not in terms.REMINDED.get(kind, frozenset()):
                    raise ValueError(f"reminders.{kind} 不能发给“{who}”")
        return self

    @property
    def defaults_used(self) -> frozenset[str]:
        """Dotted paths of the settings that are defaults and not the locality's own."""
        return self._defaults_used

    def is_default(self, path: str) -> bool:
        """Say whether the setting at the dotted *path* (or a part of it) is only a default."""
        return any(used == path or used.startswith(path + ".") for used in self._defaults_used)
