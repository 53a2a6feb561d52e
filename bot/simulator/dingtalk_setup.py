"""What one simulated DingTalk is set up with: its app, its group robot, its limits, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class HookPlan:
    """What the app's developer typed into the console: addresses, and how events are sealed."""

    robot_url: str = ""
    event_url: str = ""
    event_token: str = ""
    event_aes_key: str = ""
    receive_id: str = ""


@dataclass(frozen=True, slots=True)
class DingTalkSetup:
    """One organisation with one internal app. *hooks* is set where the console says that pushes come by HTTP."""

    client_id: str
    client_secret: str = field(repr=False)
    corp_id: str
    agent_id: int
    robot_token: str = ""
    robot_secret: str = ""
    robot_keyword: str = ""
    card_template: str = "suicha.schema"
    ping_every: float = 20.0
    resend_after: float = 5.0
    tries: int = 3
    robot_patience: float = 3.0
    card_patience: float = 2.0
    session_seconds: float = 5400.0
    monthly_limit: int | None = None
    monthly_pushes: int | None = None
    per_second: int | None = None
    unsafe_word: str = ""
    group_template_robot: str = "template-robot"
    hooks: HookPlan | None = None
