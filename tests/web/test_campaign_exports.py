"""A plan as files, over HTTP: asked for on its page, written by the worker, downloaded under the plan's name, without names."""

import csv
import io
import re
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client
from openpyxl import load_workbook

from tests.campaign.world import MONDAY, make_city
from tests.cast import CLERK, NOON, make_person
from tests.web.campaign_pages import ROOT, planned, text_of
from yikatong.accounts.models import Role, User
from yikatong.audit.models import AuditEvent
from yikatong.banks.models import Outlet
from yikatong.campaign.models import Slot
from yikatong.campaign.services import discard_plan, plan_requested, request_plan
from yikatong.exports import services as exports
from yikatong.exports.models import Export
from yikatong.registry.selectors import clear_view

pytestmark = pytest.mark.django_db


@pytest.fixture
def centre() -> Client:
    """The card centre, in Chinese, in a city of two banks with an outlet each."""
    make_city("ABC", "ICBC")
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(User.objects.create(username="centre", role=Role.CARD_CENTRE))
    return client


def export_of(centre: Client, what: str) -> tuple[str, bytes]:
    """Ask for a file on the plan's page, let the worker write it, download it: its name, and what is in it."""
    address = centre.post(f"{ROOT}winter/export/", {"what": what})["location"]
    assert "排队中" in text_of(centre.get(address))
    assert centre.get(f"{address}download/").status_code == 404
    exports.write(UUID(address.rstrip("/").rpartition("/")[2]))
    assert "可以下载" in text_of(centre.get(address))
    answer = centre.get(f"{address}download/")
    return answer["content-disposition"], b"".join(answer)  # type: ignore[arg-type]


def test_exports_hold_the_plan_and_nobodys_name(centre: Client) -> None:
    people = [make_person(serial) for serial in range(1, 6)]
    planned()
    Outlet.objects.filter(outlet_id="ABC-1").update(name='=HYPERLINK("x")')
    Slot.objects.filter(person_id=people[0].person_id).update(week_starts_on=None, outlet_id="", refusal="no_room")
    texts = {}
    for what in ("load", "banks", "streets", "left-out"):
        name, octets = export_of(centre, what)
        assert name == f'attachment; filename="campaign-winter-{what}.csv"'
        assert octets.startswith("\ufeff".encode())
        texts[what] = octets.decode("utf-8-sig")
    rows = {what: list(csv.reader(io.StringIO(text))) for what, text in texts.items()}
    assert {row[5] for row in rows["load"][1:] if row[4] == "ABC-1"} == {'\'=HYPERLINK("x")'}
    assert sum(int(row[4]) for row in rows["banks"][1:]) == 5
    assert rows["streets"][1][2:4] == ["东华门街道", "5"]
    assert rows["left-out"][1][:2] == ["计划期内没有空位", str(people[0].person_id)]
    name, octets = export_of(centre, "plan")
    assert name == 'attachment; filename="campaign-winter-plan.xlsx"'
    book = load_workbook(io.BytesIO(octets))
    assert [sheet.title for sheet in book] == ["网点负荷", "银行周产量", "街道", "未排上"]
    assert [sheet.max_row for sheet in book] == [len(rows[what]) for what in ("load", "banks", "streets", "left-out")]
    assert all(cell.data_type != "f" for sheet in book for row in sheet for cell in row)
    everything = "".join(texts.values())
    assert not any(
        clear_view(each).identity_number in everything or clear_view(each).name in everything for each in people
    )
    done = Export.objects.get(kind="campaign.plan")
    assert done.rows_done == sum(len(each) - 1 for each in rows.values())
    assert done.rows_expected == done.rows_done - 1, "the plan's own count knows nothing of whom the test left out"
    asked = AuditEvent.objects.filter(action="export.requested", actor="staff:centre").order_by("event_id")
    assert [event.details["file"] for event in asked] == [
        *(f"campaign-winter-{what}.csv" for what in ("load", "banks", "streets", "left-out")),
        "campaign-winter-plan.xlsx",
    ]
    listed = text_of(centre.get("/work/exports/"))
    assert "换发计划 campaign-winter-plan.xlsx" in listed
    assert "网点负荷 campaign-winter-load.csv" in listed


def test_an_export_is_asked_for_on_the_plans_page(centre: Client) -> None:
    make_person(1)
    planned()
    page = centre.get(f"{ROOT}winter/").content.decode()
    assert re.findall(r'name="what" value="([a-z-]+)"', page) == ["plan", "load", "banks", "streets", "left-out"]
    for wrong in ("", "x", "load.xlsx", "campaign.load", "\0"):
        assert centre.post(f"{ROOT}winter/export/", {"what": wrong}).status_code == 404
    assert centre.get(f"{ROOT}winter/export/").status_code == 405
    assert centre.post(f"{ROOT}summer/export/", {"what": "plan"}).status_code == 404
    auditor = Client()
    auditor.force_login(User.objects.create(username="auditor", role=Role.AUDITOR))
    assert auditor.post(f"{ROOT}winter/export/", {"what": "plan"}).status_code == 403
    assert not Export.objects.exists()
    first, again, other, third = (
        centre.post(f"{ROOT}winter/export/", {"what": what})["location"] for what in ("plan", "plan", "load", "banks")
    )
    assert first == again, "a second click leads to the same"
    assert len({first, other, third}) == Export.objects.count() == 3
    assert centre.post(f"{ROOT}winter/export/", {"what": "streets"})["location"] == f"{ROOT}winter/"
    assert "请等它们完成或取消后再试" in text_of(centre.get(f"{ROOT}winter/"))


@pytest.mark.parametrize("is_again", [True, False], ids=["planned anew", "thrown away"])
def test_a_plan_that_changed_meanwhile_makes_no_file(centre: Client, is_again: bool) -> None:
    make_person(1)
    planned()
    address = centre.post(f"{ROOT}winter/export/", {"what": "plan"})["location"]
    discard_plan("winter", by=CLERK, at=NOON)
    if is_again:
        request_plan("winter", starts_on=MONDAY, weeks=4, seed=1, by=CLERK, at=NOON)
        plan_requested("winter", at=NOON + timedelta(minutes=1))
    exports.write(Export.objects.get().export_id)
    page = text_of(centre.get(address))
    assert "导出期间数据已变，未生成文件" in page
    assert "被删除或重新计算" in page
    assert centre.get(f"{address}download/").status_code == 404
