"""What is to be said, to which account, or why not: from claimed notices to jobs. Reads only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from bot.core.ids import new_id
from bot.core.log import log
from bot.inspection.notices.message import Content, Kind, Skip, Told
from bot.inspection.notices.models import Attempt, Card, NoticeState, Priority
from bot.messaging import outbox, routes
from bot.messaging.outbox import Begun
from bot.messaging.outcomes import Outcome
from bot.messaging.people import addresses, why_unreachable
from bot.messaging.quotas import limits_set
from bot.messaging.render import Renderer, digest
from bot.messaging.routes import NO_ADDRESS, Address, Later
from bot.messaging.throttle import Throttle, limits_of
from bot.messaging.tries import Earlier, earlier_tries
from bot.messaging.unreached import NO_ANSWER
from bot.platforms.base import Limit, OutboundMessage, Platform, Scope

BROKE = "程序错误"
TO_PAGE = "额度不足，已放入网页收件箱"
TWICE_UNKNOWN = "两次发送结果均不明"
_FAST = 5.0  # seconds: shorter windows are waited for on the way out, not put back into the queue


@dataclass(frozen=True, slots=True)
class Job:
    """One message on its way to one account. ``ask_first``: a try before may have arrived, and the platform
    can say so."""

    notice: Told
    message: OutboundMessage
    begun: Begun
    ask_first: bool = False

    @property
    def address(self) -> Address:
        return self.begun.platform, self.begun.target


@dataclass(slots=True)
class Composed:
    """A batch after composing: what leaves, and what ended without leaving."""

    jobs: list[Job] = field(default_factory=list)
    ended: list[Outcome] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Known:
    """What was looked up for the whole batch."""

    earlier: Mapping[int, Earlier]
    book: Mapping[int, list[Address]]
    cards: Mapping[str, Card]
    slow: Mapping[str, Sequence[Limit]]  # windows of each platform that are longer than a moment


class Composer:
    """Pure but for what it reads; ``resting`` names platforms that must not be called until then, and why."""

    def __init__(
        self, *, platforms: Mapping[str, Platform], kinds: Mapping[str, Kind], renderer: Renderer, prefer: str
    ) -> None:
        self.platforms, self.kinds, self.renderer, self.prefer = platforms, kinds, renderer, prefer
        self.resting: dict[str, tuple[dt.datetime, str]] = {}
        self.low: set[str] = set()  # platforms whose month runs low: what can wait goes to the page
        self.limits: dict[str, tuple[Limit, ...]] = {}
        self._throttle = Throttle()
        self._forget_at = dt.datetime.min.replace(tzinfo=dt.UTC)

    def compose(self, session: Session, notice_ids: Sequence[int], *, now: dt.datetime) -> Composed:
        """One job or one end for each notice."""
        claimed = outbox.claimed(session, notice_ids)
        known = self._look_up(session, claimed, now)
        made = Composed()
        for notice in claimed:
            result = self._one(session, notice, known, now)
            if isinstance(result, Job):
                made.jobs.append(result)
            else:
                made.ended.append(result)
        return made

    def _look_up(self, session: Session, claimed: Sequence[Told], now: dt.datetime) -> _Known:
        set_ = limits_set(session)
        self.limits = {
            name: limits_of(platform.capabilities, set_.get(name, {}))
            for name, platform in self.platforms.items()
        }
        book = addresses(
            session, {n.recipient_id for n in claimed}, platforms=list(self.platforms), prefer=self.prefer
        )
        self._learn(session, book, now)
        ids = [n.card_id for n in claimed if n.card_id]
        cards = session.exec(select(Card).where(col(Card.card_id).in_(ids))).all() if ids else ()
        return _Known(
            earlier_tries(session, [n.id or 0 for n in claimed if n.attempts]), book,
            {card.card_id: card for card in cards},
            {name: [x for x in limits if x.seconds > _FAST] for name, limits in self.limits.items()},
        )  # fmt: skip

    def _learn(self, session: Session, book: Mapping[int, list[Address]], now: dt.datetime) -> None:
        """What any process sent to these people lately: windows hold across processes and restarts."""
        for name, limits in self.limits.items():
            longest = max((x.seconds for x in limits if x.scope is Scope.PERSON), default=0.0)
            targets = {user for accounts in book.values() for platform, user in accounts if platform == name}
            if not longest or not targets:
                continue
            sent: dict[str, list[dt.datetime]] = {user: [] for user in targets}
            query = select(Attempt.target, Attempt.at).where(
                Attempt.platform == name, col(Attempt.target).in_(targets),
                Attempt.at > now - dt.timedelta(seconds=longest),
            )  # fmt: skip
            for user, at in session.exec(query):
                sent[user].append(at)
            for user, times in sent.items():
                self._throttle.learn(name, Scope.PERSON, user, times)
        if now >= self._forget_at:  # it goes through every window, so not at each batch
            self._throttle.forget(before=now - dt.timedelta(days=1))
            self._forget_at = now + dt.timedelta(hours=1)

    def _one(self, session: Session, notice: Told, known: _Known, now: dt.datetime) -> Job | Outcome:
        assert notice.id is not None
        before = known.earlier.get(notice.id, Earlier())
        try:
            where = routes.choose(
                notice, known.book.get(notice.recipient_id, []), before, resting=self.resting, now=now
            )
            content = self.kinds[notice.kind].content(session, notice, now)
            if isinstance(content, Skip):
                return self._unneeded(notice, content)
            if where is None:
                return self._nowhere(session, notice, before)
            if isinstance(where, Later):
                return Outcome(notice.id, "retry", NoticeState.HELD, retry_at=where.until, detail=where.why)
            if where[0] in self.low and notice.priority == Priority.DIGEST and not notice.statutory:
                return Outcome(notice.id, "skipped", NoticeState.SENT, detail=TO_PAGE)
            return self._job(notice, content, where, before=before, known=known, now=now)
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - one notice that cannot be said must not stop the others
            log.exception("message_broke", notice=notice.id, kind=notice.kind)
            return Outcome(notice.id, "failed", NoticeState.FAILED, code=type(error).__name__, detail=BROKE)

    def _unneeded(self, notice: Told, skip: Skip) -> Outcome:
        assert notice.id is not None
        state = NoticeState.SENT if notice.moved else NoticeState.SKIPPED  # told once, answered meanwhile
        return Outcome(notice.id, "skipped", state, detail=skip.reason)

    def _nowhere(self, session: Session, notice: Told, before: Earlier) -> Outcome:
        assert notice.id is not None
        if notice.moved and before.took:
            return Outcome(notice.id, "skipped", NoticeState.SENT, detail=NO_ANSWER)
        dead = why_unreachable(session, notice.recipient_id, platforms=list(self.platforms))
        detail = f"{NO_ADDRESS}：{dead}" if dead else before.why or NO_ADDRESS
        return Outcome(notice.id, "failed", NoticeState.FAILED, detail=detail)

    def _job(
        self,
        notice: Told,
        content: Content,
        where: Address,
        *,
        before: Earlier,
        known: _Known,
        now: dt.datetime,
    ) -> Job | Outcome:
        assert notice.id is not None
        name, user_id = where
        able = self.platforms[name].capabilities
        is_card = self.kinds[notice.kind].card and able.cards
        asks = before.unknown > 0 and is_card and able.receipts_tell_outcome
        alone = notice.kind != "reply" and not before.together
        safe = alone and (able.resend_is_safe if is_card else able.plain_resend_is_safe)
        repeated = before.unknown > 0 and not safe and not asks
        if repeated and before.unknown > 1:
            return Outcome(notice.id, "failed", NoticeState.FAILED, detail=TWICE_UNKNOWN)
        wait = self._wait(name, notice, user_id, known.slow[name], now)
        if wait:
            return Outcome(notice.id, "retry", None, retry_at=now + wait, detail="发送频率已满")
        old = known.cards.get(notice.card_id)
        same = old is not None and (old.platform, old.user_id) == where
        card_id = "" if not is_card else notice.card_id if same else new_id(now.timestamp())
        message = self.renderer.message(
            notice.kind, content, subject=notice.subject, generation=notice.generation,
            person_id=notice.recipient_id, capabilities=able, card_id=card_id, repeated=repeated,
            at=before.first_at or now, key=f"n{notice.id}",
        )  # fmt: skip
        shown = digest(message) if card_id else ""
        begun = Begun(
            notice.id, notice.attempts + 1, name, user_id, repeated, card_id=card_id, shown=shown,
            was_shown=old.shown if old and same else "",
            card=_card_row(notice, where, card_id, shown, now) if card_id and not same else None,
            closes=notice.card_id if old and not same and not notice.moved else "",
            renames=card_id != notice.card_id,
        )  # fmt: skip
        return Job(notice, message, begun, ask_first=asks)

    def _wait(
        self, name: str, notice: Told, user_id: str, slow: Sequence[Limit], now: dt.datetime
    ) -> dt.timedelta:
        if not slow:
            return dt.timedelta()
        whose = {Scope.PERSON: user_id, Scope.APP: "", Scope.CORP: ""}
        if conversation := notice.data.get("conversation"):
            whose[Scope.CONVERSATION] = conversation
        return self._throttle.take(name, whose, limits=slow, now=now)


def _card_row(notice: Told, where: Address, card_id: str, shown: str, now: dt.datetime) -> dict[str, object]:
    return {
        "card_id": card_id, "notice_id": notice.id, "person_id": notice.recipient_id, "platform": where[0],
        "user_id": where[1], "token": "", "shown": shown, "kind": notice.kind, "subject": notice.subject,
        "stale": False, "tries": 0, "not_before": None, "closed": False, "sent_at": now,
    }  # fmt: skip
