"""HTTP mode: what DingTalk posts to us, verified and read. Pure but for the clock.

Robot messages and card callbacks are signed over their timestamp only, so an old signature could carry a new
body: whoever answers must also remember which bodies a signature came with. Sheet: sections 2.2, 5.4 and 6.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.clock import Clock
from bot.core.config_dingtalk import DingTalkSettings
from bot.core.ids import sha256_hex
from bot.platforms.base import InboundEvent
from bot.platforms.dingtalk.crypto import Envelope, EnvelopeError, verify_robot, verify_timestamp
from bot.platforms.dingtalk.events import hook_event
from bot.platforms.dingtalk.frames import FrameError, json_object
from bot.platforms.dingtalk.inbound import card_event, robot_event

CHECKS = ("check_url", "check_create_suite_url", "check_update_suite_url")


class HookError(ValueError):
    """A request that is not DingTalk's, or not one we read. ``status`` is the HTTP answer; no secret in it."""

    def __init__(self, reason: str, *, status: int) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Posted:
    """What a request brought. ``signature`` and ``body`` are digests for the memory of replays; empty where the
    signature covers the body."""

    event: InboundEvent | None
    signature: str = ""
    body: str = ""
    answer: dict[str, str] | None = None


class Hooks:
    """The three addresses of one app. Every method raises HookError only."""

    def __init__(self, settings: DingTalkSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._robot_secret = settings.client_secret.get_secret_value()
        self._card_secret = settings.card_secret.get_secret_value() if settings.card_secret else ""
        self._envelope: Envelope | None = None
        if settings.event_token is not None and settings.event_aes_key is not None:
            token, key = settings.event_token.get_secret_value(), settings.event_aes_key.get_secret_value()
            self._envelope = Envelope(token, key, settings.receive_id)

    @property
    def reads_events(self) -> bool:
        return self._envelope is not None

    @property
    def reads_cards(self) -> bool:
        return bool(self._card_secret)

    def robot(self, headers: Mapping[str, str], body: bytes) -> Posted:
        """A message to the robot: headers ``timestamp`` and ``sign``."""
        timestamp, sign = headers.get("timestamp", ""), headers.get("sign", "")
        now, window = self._clock.now(), self._settings.callback_window
        good = verify_robot(
            self._robot_secret, timestamp=timestamp, sign=sign, now=now.timestamp(), window=window
        )
        if not good:
            raise HookError("signature", status=403)
        data = _object(body)
        digest = sha256_hex(body)
        event = robot_event(data, fallback_id=f"body-{digest}", received=now)
        return Posted(event, signature=sha256_hex(f"robot:{sign}".encode()), body=digest)

    def card(self, headers: Mapping[str, str], body: bytes) -> Posted:
        """A press on a card: headers ``x-ddpaas-signature-timestamp`` and ``x-ddpaas-signature``.

        It has no id of its own; its time and body stand for one, so a repeat is known as such.
        """
        timestamp = headers.get("x-ddpaas-signature-timestamp", "")
        sign = headers.get("x-ddpaas-signature", "")
        now, window = self._clock.now(), self._settings.callback_window
        good = self._card_secret and verify_timestamp(
            self._card_secret, timestamp=timestamp, sign=sign, now=now.timestamp(), window=window
        )
        if not good:
            raise HookError("signature", status=403)
        data, digest = _object(body), sha256_hex(body)
        event_id = "card-" + sha256_hex(f"{timestamp}:{digest}".encode())
        signature = sha256_hex(f"card:{sign}".encode())
        return Posted(card_event(data, event_id=event_id, at=now), signature=signature, body=digest)

    def event(self, query: Mapping[str, str], body: bytes) -> Posted:
        """An encrypted event, or the check when the address is saved; ``answer`` is the sealed ``success``."""
        if self._envelope is None:
            raise HookError("no envelope", status=404)
        timestamp = query.get("timestamp") or query.get("timeStamp") or ""
        signature = query.get("msg_signature") or query.get("signature") or ""
        encrypt = _object(body).get("encrypt")
        if not isinstance(encrypt, str):
            raise HookError("no encrypt", status=400)
        try:
            plain = self._envelope.open(
                encrypt, signature=signature, timestamp=timestamp, nonce=query.get("nonce", "")
            )
        except EnvelopeError as error:
            raise HookError(str(error), status=403) from None
        data = _object(plain.encode())
        name = str(data.get("EventType", ""))
        if name in CHECKS:
            word = str(data.get("Random") or "success") if name != "check_url" else "success"
            return Posted(None, answer=self._sealed(word))
        event = hook_event(data, fallback_id=f"body-{sha256_hex(plain.encode())}", received=self._clock.now())
        return Posted(event, answer=self._sealed("success"))

    def _sealed(self, word: str) -> dict[str, str]:
        assert self._envelope is not None
        return self._envelope.seal(
            word,
            timestamp=str(int(self._clock.now().timestamp() * 1000)),
            nonce=secrets.token_hex(8),
            random16=secrets.token_bytes(16),
        )


def _object(body: bytes) -> dict[str, object]:
    try:
        return json_object(body.decode())
    except (FrameError, UnicodeDecodeError):
        raise HookError("not a JSON object", status=400) from None
