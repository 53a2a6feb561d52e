"""The form over HTTP: links, gates, saving without a script, photos, signing, receipt, files."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from sqlmodel import select

from bot.core.clock import ManualClock
from bot.core.db import Database
from bot.core.keys import LINKS
from bot.inspection.audit.models import AuditEntry
from bot.inspection.checklists.blobs import Bucket
from bot.inspection.checklists.definition import load_checklist
from bot.inspection.checklists.models import Evidence, RecordSheet, VisitForm
from bot.inspection.notices.models import Notice
from bot.inspection.tasks.models import CheckIn, Visit, VisitState
from handlers.web.keys import EVIDENCE
from handlers.web.uploads import number
from tests.fakes.bucket import FakeBucket, running
from tests.fakes.form_app import known_phones, make_form_app
from tests.fakes.visits import (
    CONTACT,
    HE,
    LI,
    REVIEWER,
    STRANGER,
    SUN,
    VISIT,
    WANG,
    make_visit,
    picture,
    signature,
    untrain,
)
from tests.inspection.mixed_checklist import MIXED

JSON = {"Accept": "application/json"}
CLEAN = {"value": "未发现问题"}
GOOD = {f"CL-1:{n}": "是" for n in range(1, 13)} | {"item:1": "未发现问题"}


class Phone:
    """One officer's browser without a script."""

    def __init__(self, client: TestClient[Any, Any], person: int) -> None:
        self.client = client
        self.base = f"/form/{client.app[LINKS].sign('form', [person, VISIT])}"

    async def get(self, page: str = "", status: int = 200) -> str:
        response = await self.client.get(self.base + page)
        assert response.status == status, await response.text()
        return await response.text()

    async def post(
        self, page: str, data: Any, *, status: int = 303, headers: dict[str, str] | None = None
    ) -> str:
        response = await self.client.post(self.base + page, data=data, headers=headers, allow_redirects=False)
        assert response.status == status, await response.text()
        return response.headers.get("Location", "") or await response.text()

    async def api(self, page: str, data: Any, status: int = 200) -> dict[str, Any]:
        sent = {"json": data} if isinstance(data, dict) else {"data": data}
        response = await self.client.post(self.base + page, headers=JSON, **sent)
        assert response.status == status, await response.text()
        body: dict[str, Any] = await response.json()
        return body


@pytest.fixture
async def client(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> AsyncIterator[TestClient[Any, Any]]:
    sqlite_db.write_now(make_visit, now=clock.now())
    async with TestClient(
        TestServer(make_form_app(sqlite_db, clock, tmp_path)), cookies=known_phones(sqlite_db, clock)
    ) as client:
        yield client


@pytest.fixture
async def wang(client: TestClient[Any, Any]) -> Phone:
    """The first officer, with both checked in and the form open."""
    phone = Phone(client, WANG)
    await phone.post("/check-in", {"lat": "22.63", "lon": "110.15"})
    await Phone(client, LI).post("/check-in", {})
    await phone.get()
    return phone


async def finish(phone: Phone) -> None:
    await phone.post("", {**GOOD, "action": "submit"})
    await finish_signing(phone)


async def test_check_in_comes_first_then_the_partner_then_the_questions(
    client: TestClient[Any, Any], sqlite_db: Database
) -> None:
    wang, li = Phone(client, WANG), Phone(client, LI)
    assert "现场签到" in await wang.get()
    assert await wang.post("/check-in", {"lat": "22.63", "lon": "110.15"}) == wang.base
    assert "执法人员不少于两人" in await wang.get()
    await li.post("/check-in", {"lat": "", "lon": ""})
    page = await wang.get()
    assert "能否通过登记的住所（经营场所）联系到企业？" in page
    assert " checked" not in page
    first = sqlite_db.read_now(lambda s: s.exec(select(CheckIn).where(CheckIn.person_id == WANG)).one())
    assert (first.latitude, first.longitude) == (22.63, 110.15)


async def test_the_form_comes_packed_for_who_can_read_that(wang: Phone) -> None:
    """On a weak signal its bytes are what one waits for."""
    for asked, packing in (("gzip", "gzip"), ("identity", None)):
        response = await wang.client.get(wang.base, headers={"Accept-Encoding": asked})
        assert (response.headers.get("Content-Encoding"), response.headers["Vary"]) == (
            packing,
            "Accept-Encoding",
        )
        assert "能否通过登记的住所（经营场所）联系到企业？" in await response.text()


async def test_what_a_database_cannot_keep_is_left_out_and_the_answer_stays(wang: Phone) -> None:
    """Bug: half of a character in a note broke the save of every answer that went with it."""
    odd = {"value": "否", "note": "无\x00台账\ud83d，已告知", "id": "a\udc00"}
    saved = await wang.api("/draft", {"base_version": 0, "changes": {"CL-1:1": odd}, "page": "p\ud800",
                                      "seconds": {"CL-1:\ud800": 3}})  # fmt: skip
    assert saved["draft"]["CL-1:1"] | {"by": ""} == {
        "value": "否", "note": "无台账，已告知", "verdict": "", "reading": "", "by": "", "also": "",
    }  # fmt: skip


async def test_in_a_joint_visit_the_page_waits_for_the_partner_of_the_same_department(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    lists = (load_checklist("CL-1"), load_checklist("CL-4"))
    sqlite_db.write_now(make_visit, now=clock.now(), checklists=lists, item_departments=(1, 2))
    phones = known_phones(sqlite_db, clock, (WANG, LI, SUN, HE))
    async with TestClient(TestServer(make_form_app(sqlite_db, clock, tmp_path)), cookies=phones) as client:
        for person in (WANG, SUN, LI):
            await Phone(client, person).post("/check-in", {})
        assert 'data-key="CL-1:1"' in await Phone(client, WANG).get()
        waiting = await Phone(client, LI).get()
        assert "本部门的同伴签到后" in waiting
        assert waiting.index("贺同行") < waiting.index("未签到")
        assert "云溪县应急管理局" in waiting
        change = {"base_version": 0, "changes": {"CL-4:1": {"value": "是"}}}
        assert (await Phone(client, LI).api("/draft", change, 422))["error"] == "officers_missing"
        unable = {"visit:outcome": "R07", "visit:outcome.note": "现场未经营", "action": "submit"}
        picture_of_door = {"visit:outcome.file": io.BytesIO(picture())}
        await Phone(client, WANG).post("", {**unable, **picture_of_door})
        assert "还有部门没有到齐" in await Phone(client, WANG).get("/review")


async def test_a_form_without_training_says_so_and_tells_the_lead(
    client: TestClient[Any, Any], sqlite_db: Database, wang: Phone
) -> None:
    sqlite_db.write_now(untrain, LI)
    assert "请先完成“双随机、一公开”业务培训" in await Phone(client, LI).get(status=422)
    kinds = sqlite_db.read_now(lambda s: [n.kind for n in s.exec(select(Notice))])
    assert "training_missing" in kinds


async def test_foreign_changed_and_expired_links_open_nothing(
    client: TestClient[Any, Any], clock: ManualClock, wang: Phone
) -> None:
    await Phone(client, STRANGER).get(status=403)
    response = await client.get(wang.base[:-2] + "xx")
    assert response.status == 404
    clock.advance(days=33)  # 31 March and ten days are over
    assert "检查期限" in await wang.get(status=410)


async def test_a_post_from_another_site_is_refused(wang: Phone) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert "其他网站" in await wang.post("", GOOD, status=422, headers=headers)


async def test_the_whole_form_works_without_a_script(
    client: TestClient[Any, Any], sqlite_db: Database, wang: Phone
) -> None:
    data = FormData({**GOOD, "CL-1:5": "否", "CL-1:5.note": "章程与公示的出资时间不同", "action": "submit"})
    data.add_field("CL-1:5.file", picture(), filename="a.jpg", content_type="image/jpeg")
    assert await wang.post("", data) == f"{wang.base}/review"
    review = await wang.get("/review")
    assert "公示信息隐瞒真实情况、弄虚作假" in review
    await finish_signing(wang)
    assert "已签字" in await wang.get("/review")
    assert await wang.post("/submit", {}) == f"{wang.base}/receipt"
    assert "已提交，待审核" in await wang.get("/receipt")
    assert "已提交" in await wang.get()  # the link now leads to the receipt
    visit = sqlite_db.read_now(lambda s: s.get_one(Visit, VISIT))
    assert visit.state == VisitState.IN_REVIEW


async def finish_signing(phone: Phone) -> None:
    data = FormData({"signed_by": "陈建国"})
    data.add_field("signature", signature(), filename="s.png", content_type="image/png")
    await phone.post("/close", data)
    for who in (phone, Phone(phone.client, LI)):
        mine = FormData({"seen": ""})
        mine.add_field("signature", signature(3), filename="s.png", content_type="image/png")
        await who.post("/sign", mine)


async def test_what_is_missing_is_named_and_answers_stay(wang: Phone) -> None:
    await wang.post("", {"CL-1:1": "是", "CL-1:5": "否", "action": "submit"})
    page = await wang.get("/review", status=422)
    assert "还差 11 处" in page
    assert "请写明情况" in page
    assert page.count(" checked") == 2


async def test_a_script_saves_answers_and_the_partner_sees_them(
    client: TestClient[Any, Any], wang: Phone
) -> None:
    saved = await wang.api("/draft", {"base_version": 0, "changes": {"CL-1:2": {"value": "是"}}})
    again = await wang.api("/draft", {"base_version": 0, "changes": {"CL-1:2": {"value": "是"}}})
    assert again["version"] == saved["version"] == 1
    state = await (await client.get(Phone(client, LI).base + "/state", headers=JSON)).json()
    assert state["draft"]["CL-1:2"]["by"] == "王建国"
    broken = await wang.api("/draft", {"changes": [1]}, status=422)
    assert broken["error"] == "form_broken"


async def test_an_empty_field_without_a_script_does_not_erase_the_partners_answer(
    client: TestClient[Any, Any], sqlite_db: Database, wang: Phone
) -> None:
    await Phone(client, LI).api(
        "/draft", {"base_version": 0, "changes": {"CL-1:2": {"value": "是", "note": "已核"}}}
    )
    await wang.post("", {"CL-1:1": "是", "CL-1:2.note": "", "action": "save"})
    draft = sqlite_db.read_now(lambda s: s.exec(select(VisitForm)).one().draft)
    assert draft["CL-1:2"]["note"] == "已核"


async def test_a_part_that_a_browser_does_not_send_stays_as_it_is(sqlite_db: Database, wang: Phone) -> None:
    await wang.post("", {"CL-1:2": "否", "CL-1:2.note": "未公示"})
    await wang.post("", {"CL-1:2.note": "至今未公示"})
    await wang.post("", {"visit:outcome": "R07", "visit:outcome.note": "未经营"})
    await wang.post("", {"visit:outcome": "R07", "visit:outcome.note": "未经营", "clear-outcome": "1"})
    draft = sqlite_db.read_now(lambda s: s.exec(select(VisitForm)).one().draft)
    assert (draft["CL-1:2"]["value"], draft["CL-1:2"]["note"]) == ("否", "至今未公示")
    assert draft["visit:outcome"]["value"] == ""


async def test_a_phone_goes_on_sending_a_photo_while_the_store_is_down(
    sqlite_db: Database, wang: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything but 5xx would tell it that the photo was refused."""
    bucket = FakeBucket()

    async def send() -> int:
        data = FormData({"question": "CL-1:2", "key": "k1"})
        data.add_field("file", picture(), filename="a.jpg", content_type="image/jpeg")
        answer = await wang.client.post(f"{wang.base}/photo", data=data, headers=JSON)
        return answer.status

    with running(bucket) as port:
        monkeypatch.setattr(wang.client.app[EVIDENCE], "_blobs", Bucket(bucket.settings(port)))
        found = []
        for trouble in ([503] * 3, [0] * 3, [None, b"HTTP/1.1 403 No\r\n\r\n"], []):
            bucket.trouble = list(trouble)
            found.append(await send())
    assert found == [503, 503, 503, 200]
    assert len(bucket.objects) == len(sqlite_db.read_now(lambda s: s.exec(select(Evidence)).all())) == 1


async def test_a_photo_is_taken_once_however_often_it_is_sent(sqlite_db: Database, wang: Phone) -> None:
    for _ in range(2):
        data = FormData({"question": "CL-1:2", "key": "k1", "lat": "22.6", "lon": "110.1"})
        data.add_field("file", picture(), filename="../../x.exe", content_type="application/x-evil")
        answer = await wang.api("/photo", data)
    evidence = sqlite_db.read_now(lambda s: s.exec(select(Evidence)).one())
    assert (evidence.media_type, evidence.latitude, evidence.sha256) == ("image/jpeg", 22.6, answer["sha256"])
    response = await wang.client.get(f"{wang.base}/photo/{evidence.id}")
    assert response.content_type == "image/jpeg"


async def test_numbers_no_row_can_have_are_not_found_and_not_an_error_of_ours(wang: Phone) -> None:
    for huge in ("9" * 20, "9" * 4400):
        assert (await wang.client.get(f"{wang.base}/photo/{huge}")).status == 404
        await wang.api(f"/photo/{huge}/remove", {}, status=404)
    await wang.api("/draft", {"base_version": 10**30, "changes": {"CL-1:2": {"value": "是"}}})


async def test_files_that_are_no_evidence_are_refused(wang: Phone) -> None:
    for body, key in ((b"<html><script>", "file_type"), (b"x" * 5_100_000, "file_too_big")):
        data = FormData({"question": "CL-1:2"})
        data.add_field("file", io.BytesIO(body), filename="a.jpg", content_type="image/jpeg")
        assert (await wang.api("/photo", data, status=422))["error"] == key


async def test_an_empty_signature_pad_is_no_signature(sqlite_db: Database, wang: Phone) -> None:
    await wang.post("", {**GOOD, "action": "submit"})
    data = FormData({"signed_by": "陈建国"})
    data.add_field("signature", picture(255, "PNG"), filename="s.png", content_type="image/png")
    assert (await wang.api("/close", data, status=422))["error"] == "signature_missing"
    assert "请被检查单位签字" in await wang.post("/close", {"refusal_text": ""}, status=422)
    assert sqlite_db.read_now(lambda s: list(s.exec(select(RecordSheet)))) == []


async def test_what_the_partner_changed_meanwhile_must_be_looked_at_before_signing(
    client: TestClient[Any, Any], wang: Phone
) -> None:
    await wang.post("", {**GOOD, "action": "submit"})
    await Phone(client, LI).api(
        "/draft",
        {"base_version": 1, "changes": {"CL-1:9": {"value": "合理缺项"}, "item:1": CLEAN}},
    )
    end = {"refusal_code": "REFUSED", "refusal_text": "负责人拒绝签字", "version": "1"}
    assert "同伴刚刚改了回答" in await wang.post("/close", end, status=422)
    assert await wang.post("/close", {**end, "version": "2"}) == f"{wang.base}/review"


async def test_a_void_signature_leads_back_to_the_form(wang: Phone) -> None:
    await finish(wang)
    assert await wang.post("/reopen", {}) == wang.base
    assert "能否通过登记的住所" in await wang.get()


async def test_submitting_twice_shows_the_same_receipt(sqlite_db: Database, wang: Phone) -> None:
    await finish(wang)
    for _ in range(2):
        assert await wang.post("/submit", {}) == f"{wang.base}/receipt"
    requests = sqlite_db.read_now(
        lambda s: list(s.exec(select(Notice).where(Notice.kind == "review_request")))
    )
    assert len(requests) == 1


async def test_the_sheet_is_a_pdf_and_its_code_shows_number_object_day_and_hash_only(
    client: TestClient[Any, Any], sqlite_db: Database, wang: Phone
) -> None:
    await finish(wang)
    response = await client.get(wang.base + "/sheet.pdf")
    assert (await response.read()).startswith(b"%PDF-")
    sheet = sqlite_db.read_now(lambda s: s.get_one(RecordSheet, VISIT))
    page = await (await client.get(f"/record/{sheet.verify_code}")).text()
    assert sheet.pdf_sha256 in page
    assert "云溪县老街面馆" in page
    for name in ("王建国", "李秀英", "陈建国", "陈联络"):
        assert name not in page
    assert (await client.get("/record/" + "0" * 26)).status == 404


async def test_evidence_opens_for_those_who_may_and_every_look_is_noted(
    client: TestClient[Any, Any], sqlite_db: Database, wang: Phone
) -> None:
    data = FormData({"question": "CL-1:2"})
    data.add_field("file", picture(), filename="a.jpg", content_type="image/jpeg")
    photo = (await wang.api("/photo", data))["sha256"]
    await finish(wang)
    sheet = sqlite_db.read_now(lambda s: s.get_one(RecordSheet, VISIT)).pdf_sha256

    async def status(person: int, sha256: str) -> int:
        return (await client.get(f"/file/{client.app[LINKS].sign('file', [person, sha256])}")).status

    assert [await status(p, photo) for p in (WANG, REVIEWER, CONTACT, STRANGER)] == [200, 200, 403, 403]
    assert [await status(p, sheet) for p in (CONTACT, STRANGER)] == [200, 403]
    seen = sqlite_db.read_now(
        lambda s: list(s.exec(select(AuditEntry).where(AuditEntry.action == "evidence.seen")))
    )
    assert len(seen) == 3


async def test_a_conditional_question_and_every_type_can_be_filled(
    sqlite_db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    sqlite_db.write_now(make_visit, now=clock.now(), checklists=(MIXED,), method="书面检查")
    async with TestClient(
        TestServer(make_form_app(sqlite_db, clock, tmp_path)), cookies=known_phones(sqlite_db, clock)
    ) as client:
        wang = Phone(client, WANG)
        page = await wang.get()
        assert 'data-when="[[&#34;T-1:1&#34;' in page
        data = FormData(
            [("T-1:1", "是"), ("T-1:2", "-18"), ("T-1:3", "2027-01-31"), ("T-1:4", "零售"),
             ("T-1:5", "实地检查"), ("T-1:5", "网络监测"), ("item:1", "未发现问题"), ("action", "submit")]
        )  # fmt: skip
        data.add_field("T-1:6.file", picture(), filename="a.jpg", content_type="image/jpeg")
        await wang.post("", data)
        review = await wang.get("/review")
        assert "未发现问题" in review
        assert "实地检查、网络监测" in review


async def test_an_empty_store_answers_politely(client: TestClient[Any, Any]) -> None:
    token = client.app[LINKS].sign("file", [WANG, "f" * 64])
    assert (await client.get(f"/file/{token}")).status == 404


@pytest.mark.parametrize("text", ["nan", "-inf", "1e999", "", "north"])
def test_what_is_no_finite_number_is_no_coordinate(text: str) -> None:
    assert number(text) is None
    assert number("22.63") == 22.63
