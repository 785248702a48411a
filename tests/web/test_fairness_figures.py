"""The figures over HTTP: whole for the card centre and auditors, with small counts hidden for everybody else."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.test import Client
from openpyxl import load_workbook
from pytest_django import DjangoDbBlocker

from tests.cast import make_bank, make_person
from tests.held import rows_held
from tests.supervision.makers import applied, collected, made, make_districts, shown
from yikatong.accounts.models import Role, User
from yikatong.foundation.clock import beijing_day, utc_now
from yikatong.supervision.daily import compute_due

BANKS = ("ABC", "BOC", "ICBC")
NOW = utc_now()
LAST_MONTH = beijing_day(NOW).replace(day=1) - timedelta(days=1)
THEN = NOW - (beijing_day(NOW) - LAST_MONTH)
PERIOD = f"from={LAST_MONTH}&to={LAST_MONTH}"
CHINESE = {"accept-language": "zh-hans"}
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def _last_month(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """On the last day of last month 40 people saw three banks; 25 chose ICBC, 12 BOC, 3 ABC."""
    with rows_held(django_db_blocker):
        _make_last_month()
        yield


def _make_last_month() -> None:
    for code in BANKS:
        make_bank(code)
    make_districts()
    for number in range(40):
        person = make_person(number)
        shown(person, [BANKS[(number + place) % 3] for place in range(3)], at=THEN)
        bank = "ICBC" if number < 25 else "BOC" if number < 37 else "ABC"
        application = applied(person, bank, at=THEN)
        if number % 2 == 0:
            collected(made(application, at=THEN + timedelta(days=3)), at=THEN + timedelta(days=6))
    compute_due(at=NOW)


def staff(role: str = Role.CARD_CENTRE) -> Client:
    client = Client(headers=CHINESE)
    client.force_login(User.objects.create(username=f"s-{role}", role=role))
    return client


def table_row(page: str, bank: str) -> list[str]:
    """The cells of a bank's row as text."""
    found = re.search(rf'<tr data-bank="{bank}">(.*?)</tr>', page, re.DOTALL)
    assert found
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", found[1], re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells]


# --- staff ---


@pytest.mark.parametrize("role", [Role.CARD_CENTRE, Role.AUDITOR])
def test_staff_see_every_count(role: str) -> None:
    page = staff(role).get(f"/work/fairness/?{PERIOD}").content.decode()
    assert table_row(page, "ICBC")[:6] == ["ICBC", "40", "2.02", "13", "25", "62.5"]
    assert table_row(page, "ABC")[4] == "3"
    assert table_row(page, "ICBC")[9:13] == ["13", "13", "3 / 3", "6 / 6"]
    assert page.index('data-bank="ABC"') < page.index('data-bank="BOC"') < page.index('data-bank="ICBC"')
    assert "高度集中" in page
    assert "在 5% 的显著性水平下" in page
    assert "style=" not in page


def test_filters_stand_in_the_address_and_are_kept() -> None:
    client = staff()
    page = client.get(f"/work/fairness/?{PERIOD}&district=110101&group=flexible&channel=web").content.decode()
    assert table_row(page, "ICBC")[4] == "25"
    assert re.search(r'<option value="110101"[^>]* selected>', page)
    assert re.search(r'<option value="flexible" selected>', page)
    assert f"export/csv/?from={LAST_MONTH}&amp;to={LAST_MONTH}&amp;district=110101" in page
    assert table_row(page, "ICBC")[7] == "—", "capacity is not of a group"
    other = client.get(f"/work/fairness/?{PERIOD}&district=110105").content.decode()
    assert table_row(other, "ICBC")[4] == "0"
    nonsense = client.get(f"/work/fairness/?{PERIOD}&district=' or 1=1&group=x&channel=y").content.decode()
    assert table_row(nonsense, "ICBC")[4] == "25", "what is no filter filters nothing"


@pytest.mark.parametrize(
    ("period", "words"),
    [
        ("from=2026-13-01", "日期写法不对"),
        ("from=yesterday&to=today", "日期写法不对"),
        ("from=2026-02-01&to=2026-01-01", "起始日期应不晚于截止日期"),
        ("from=2001-01-01&to=2026-01-01", "不超过三年"),
    ],
)
def test_a_period_that_makes_no_sense_is_told(period: str, words: str) -> None:
    client = staff()
    answer = client.get(f"/work/fairness/?{period}")
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert client.get(f"/work/fairness/export/csv/?{period}").status_code == 404


def test_a_period_without_days_says_so() -> None:
    page = staff().get("/work/fairness/?from=2026-01-01&to=2026-01-02").content.decode()
    assert "有 2 天还没有数据" in page
    assert "申请太少，不计算集中度" in page


def test_exports_hold_what_the_page_holds() -> None:
    client = staff()
    answer = client.get(f"/work/fairness/export/csv/?{PERIOD}")
    rows = {row["bank_code"]: row for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))}
    assert (rows["ICBC"]["chosen"], rows["ICBC"]["chosen_percent"], rows["ICBC"]["days_to_made_median"]) == (
        *("25", "62.5"),
        "3",
    )
    assert list(rows) == sorted(rows)
    book = load_workbook(io.BytesIO(client.get(f"/work/fairness/export/xlsx/?{PERIOD}").content))
    assert book.sheetnames == ["说明", "银行", "位置"]
    banks = {row[0]: row for row in book["银行"].iter_rows(min_row=2, values_only=True)}
    assert banks["ICBC"][5] == 25
    assert [row[0] for row in book["位置"].iter_rows(min_row=2, values_only=True)] == [1, 2, 3]
    assert any("显著性水平" in str(cell) for row in book["说明"].iter_rows(values_only=True) for cell in row)
    assert client.get(f"/work/fairness/export/pdf/?{PERIOD}").status_code == 404


# --- everybody ---


def test_everybody_sees_the_month_with_small_counts_hidden() -> None:
    page = Client(headers=CHINESE).get("/fairness/figures/").content.decode()
    assert "12 人选择" in page
    assert re.search(r'data-bank="ABC".*?不足 10', page, re.DOTALL)
    assert "25 人选择" not in page, "40 less 12 and 25 would tell the 3"
    assert "style=" not in page
    assert f'<option value="{LAST_MONTH:%Y-%m}" selected>' in page


def test_the_public_file_holds_no_small_count() -> None:
    answer = Client(headers=CHINESE).get(f"/fairness/figures.csv?month={LAST_MONTH:%Y-%m}")
    assert f"bank-figures-{LAST_MONTH:%Y-%m}.csv" in answer["content-disposition"]
    rows = {row["bank_code"]: row for row in csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))}
    assert rows["ABC"]["chosen"] == "不足 10"
    assert (rows["ABC"]["chosen_percent"], rows["ABC"]["days_to_made_median"]) == ("", "")
    assert (rows["BOC"]["chosen"], rows["BOC"]["chosen_percent"]) == ("12", "30.00")
    assert (rows["ICBC"]["chosen"], rows["ICBC"]["chosen_percent"]) == ("隐去", "")
    for row in rows.values():
        for name in ("shown", "chosen", "completed", "complaints"):
            assert not row[name].isdecimal() or int(row[name]) >= 10


@pytest.mark.parametrize(
    "asked", [f"month={beijing_day(NOW):%Y-%m}", "month=1999-01", "part=district:990000", "part=bank:ICBC", "month=x"]
)
@pytest.mark.parametrize("address", ["/fairness/figures/", "/fairness/figures.csv"])
def test_what_is_not_published_is_not_found(address: str, asked: str) -> None:
    assert Client().get(f"{address}?{asked}").status_code == 404


@pytest.mark.parametrize("part", ["district:110101", "category:flexible", "channel:web"])
def test_parts_are_offered_and_shown(part: str) -> None:
    client = Client(headers=CHINESE)
    assert f'value="{part}"' in client.get("/fairness/figures/").content.decode()
    page = client.get(f"/fairness/figures/?part={part}").content.decode()
    assert f'<option value="{part}" selected>' in page
    assert "显著性水平" not in page, "positions are of the whole city"


def test_before_the_first_month_is_over() -> None:
    from yikatong.supervision.models import FigureDay

    FigureDay.objects.filter(day__lte=LAST_MONTH).delete()
    page = Client(headers=CHINESE).get("/fairness/figures/")
    assert "每个自然月结束后公布" in page.content.decode()
    assert Client().get("/fairness/figures.csv").status_code == 404


def test_the_notices_lead_to_the_figures_and_to_reporting() -> None:
    page = Client().get("/fairness/").content.decode()
    assert 'href="/fairness/figures/"' in page
    assert 'href="/fairness/complaint/"' in page
    assert date.fromisoformat(str(LAST_MONTH)) < beijing_day(NOW)
