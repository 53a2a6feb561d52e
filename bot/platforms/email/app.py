"""E-mail as a :class:`Platform`: one letter to one address over SMTP, in a thread. Replies are not read."""

from __future__ import annotations

import asyncio
import re
import smtplib
import ssl
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formatdate

from bot.core.config_fallback import EmailSettings
from bot.core.ids import sha256_hex
from bot.platforms.base import (
    Capabilities,
    CheckResult,
    ErrorClass,
    OutboundMessage,
    PlatformError,
    Sent,
)
from bot.platforms.one_way import OneWay
from bot.platforms.plain import letter, plain

PLATFORM = "email"
# what SMTP carries without extensions (RFC 5321, 4.1.2): no blanks, no quotes, nothing beyond ASCII
_ADDRESS = re.compile(r"[!#-'*+/-9=?A-Z^-~.-]{1,64}@[0-9A-Za-z.-]{1,253}", re.ASCII)
_REFUSED = (
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPSenderRefused,
    smtplib.SMTPNotSupportedError,
    ssl.SSLError,
)


class EmailPlatform(OneWay):
    """One SMTP account. All methods raise PlatformError only."""

    name = PLATFORM
    capabilities = Capabilities(
        cards=False, card_updates=False, resend_is_safe=False, plain_resend_is_safe=False, media=False, max_buttons=6,
        body_bytes=100_000, per_minute=None,
    )  # fmt: skip

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._tls = ssl.create_default_context(cafile=settings.ca_bundle)

    async def send(self, user_id: str, message: OutboundMessage) -> Sent:
        """Send to one address. The Message-ID is the same whenever the same message is repeated."""
        if _ADDRESS.fullmatch(user_id) is None:
            advice = "邮箱地址写错了，请在人员名单里改正。"
            raise PlatformError("email.address", cls=ErrorClass.RECIPIENT, advice=advice)
        mail = compose(message, sender=self._settings.sender, to=user_id)
        await asyncio.to_thread(self._send, mail, user_id)
        return Sent(ref=str(mail["Message-ID"]))

    async def check(self) -> list[CheckResult]:
        """Log in and out; nothing is sent."""
        try:
            await asyncio.to_thread(lambda: self._quit(self._connect()))
        except PlatformError as error:
            return [CheckResult("邮件", ok=False, seen=error.detail or error.code, advice=error.advice)]
        return [CheckResult("邮件", ok=True, seen=f"{self._settings.host} 可以登录")]

    # -- in a thread ------------------------------------------------------------------------------------

    def _send(self, mail: EmailMessage, to: str) -> None:
        server = self._connect()
        try:
            self._envelope(server, to)
            self._data(server, mail)
        finally:
            self._quit(server)

    def _connect(self) -> smtplib.SMTP:
        s = self._settings
        try:
            server: smtplib.SMTP
            if s.security == "tls":
                server = smtplib.SMTP_SSL(s.host, s.port, timeout=s.timeout, context=self._tls)
            else:
                server = smtplib.SMTP(s.host, s.port, timeout=s.timeout)
            if s.security == "starttls":
                server.starttls(context=self._tls)
            if s.user and s.password is not None:
                server.login(s.user, s.password.get_secret_value())
        except _REFUSED as error:
            advice = "核对邮箱服务器、账号、授权码和证书（SUICHA_EMAIL__…）。"
            raise PlatformError(
                "email.refused", type(error).__name__, cls=ErrorClass.CHANNEL, advice=advice
            ) from None
        except (smtplib.SMTPException, OSError) as error:
            raise PlatformError("email.connect", type(error).__name__, retry_after=30.0) from None
        return server

    def _envelope(self, server: smtplib.SMTP, to: str) -> None:
        try:
            code, _ = server.mail(self._settings.sender)
            if code >= 500:
                advice = "邮箱服务器不接受发件人地址，核对 SUICHA_EMAIL__SENDER。"
                raise PlatformError(f"smtp.{code}", cls=ErrorClass.CHANNEL, advice=advice)
            if code == 250:
                code, _ = server.rcpt(to)
        except (smtplib.SMTPException, OSError) as error:
            raise PlatformError("email.connect", type(error).__name__, retry_after=30.0) from None
        if code >= 500:
            raise PlatformError(f"smtp.{code}", cls=ErrorClass.RECIPIENT, advice="邮箱地址不存在或拒收。")
        if code not in (250, 251):  # greylisting and the like
            raise PlatformError(f"smtp.{code}", retry_after=300.0)

    def _data(self, server: smtplib.SMTP, mail: EmailMessage) -> None:
        """From here on a lost connection may have come after the letter was taken."""
        try:
            code, _ = server.data(mail.as_bytes(policy=mail.policy.clone(linesep="\r\n")))
        except smtplib.SMTPDataError as error:
            code = error.smtp_code
        except (smtplib.SMTPException, OSError) as error:
            raise PlatformError("email.no_answer", type(error).__name__, cls=ErrorClass.UNKNOWN) from None
        if code >= 500:
            raise PlatformError(f"smtp.{code}", cls=ErrorClass.BUG, advice="邮箱服务器拒收这封邮件的内容。")
        if code != 250:
            raise PlatformError(f"smtp.{code}", retry_after=300.0)

    def _quit(self, server: smtplib.SMTP) -> None:
        try:
            server.quit()
        except (smtplib.SMTPException, OSError):
            server.close()


def compose(message: OutboundMessage, *, sender: str, to: str) -> EmailMessage:
    """A letter in plain text, UTF-8. Raise PlatformError(BUG) for what no letter can hold, such as half a character."""
    try:
        return _composed(message, sender=sender, to=to)
    except (ValueError, MessageError) as error:
        advice = "这条消息写不成邮件，请报告给开发人员。"
        raise PlatformError(
            "email.content", type(error).__name__, cls=ErrorClass.BUG, advice=advice
        ) from None


def _composed(message: OutboundMessage, *, sender: str, to: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, " ".join(plain(message.title).split())
    mail["Date"] = formatdate()
    name = message.key or message.card_id or sha256_hex(f"{to}{message.title}{message.body}".encode())[:32]
    mail["Message-ID"] = f"<{name}.{sha256_hex(to.encode())[:12]}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes back
    mail.set_content(letter(message))
    mail.as_bytes()  # now, where a fault is this letter's and not the connection's
    return mail
