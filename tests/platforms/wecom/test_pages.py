"""The silent login and the JS-SDK's signatures."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from yarl import URL

from bot.core.clock import ManualClock
from bot.platforms.base import PlatformError
from bot.platforms.wecom.pages import login_url, sign_page
from tests.platforms.wecom.rig import Rig, running


@pytest.fixture
async def rig(clock: ManualClock) -> AsyncIterator[Rig]:
    async with running(clock) as built:
        yield built


def test_the_vendors_published_signature_comes_out() -> None:
    ticket = "sM4AOVdWfPE4DxkXGEs8VMCPGGVi4C3VM0P37wVUCFvkVAy_90u5h9nbSlYy3-Sl-HhTdfl2fzFy1AOcHKP7qg"
    url = "http://mp.weixin.qq.com?params=value#part"
    signed = sign_page(ticket, url, nonce="Wm3WZYTPz0wzccnW", timestamp=1414587457)
    assert signed.signature == "0f9de62fce790f9a083d5c99e95740ceb90c27ed"
    assert signed.as_json()["nonceStr"] == "Wm3WZYTPz0wzccnW"


async def test_a_login_goes_out_silently_inside_wecom_and_by_a_code_on_a_desktop(rig: Rig) -> None:
    back = "https://gov.example/login/wecom-back?a=1"
    inside = login_url(rig.settings, back=back, state="ab12", inside=True)
    assert inside.endswith("#wechat_redirect")
    query = URL(inside).query
    assert (query["redirect_uri"], query["scope"], query["state"]) == (back, "snsapi_base", "ab12")
    assert query["agentid"] == "1000017"
    desk = URL(login_url(rig.settings, back=back, state="ab12", inside=False))
    assert (desk.host, desk.query["login_type"]) == ("login.work.weixin.qq.com", "CorpApp")


async def test_private_deployments_have_their_own_hosts(rig: Rig) -> None:
    own = rig.settings.model_copy(update={"oauth_url": "http://zwwx.gov.example/prefix/authorize"})
    assert login_url(own, back="http://a", state="s", inside=True).startswith(
        "http://zwwx.gov.example/prefix/"
    )


async def test_a_code_is_who_holds_the_phone_once(rig: Rig) -> None:
    code = rig.server.directory.new_code("Insp007")
    assert await rig.platform.pages.user_of(code) == "insp007"
    with pytest.raises(PlatformError) as caught:
        await rig.platform.pages.user_of(code)
    assert caught.value.code == "40029"


@pytest.mark.parametrize("legacy", [False, True])
async def test_who_is_no_member_is_nobody(rig: Rig, legacy: bool) -> None:
    pages = rig.another_platform(legacy_userinfo=legacy).pages
    assert await pages.user_of(rig.server.directory.new_code("stranger")) == ""
    assert await pages.user_of(rig.server.directory.new_code("insp007")) == "insp007"


async def test_tickets_are_fetched_once_for_many_pages(rig: Rig) -> None:
    await rig.platform.client.token()
    calls = rig.faults._calls
    for n in range(5):
        made = await rig.platform.pages.signatures(f"https://gov.example/form/{n}")
    assert rig.faults._calls - calls == 2
    corp = rig.world.facts["wecom:ticket:corp"]["value"]
    config = made["config"]
    again = sign_page(
        corp, "https://gov.example/form/4", nonce=config["nonceStr"], timestamp=config["timestamp"]
    )
    assert again.signature == config["signature"] != made["agentConfig"]["signature"]
