"""Finding answers in the city's own questions, by whatever people type."""

from functools import cache

import pytest

from yikatong.city.folder import BEIJING
from yikatong.city.guidance import read_questions
from yikatong.guide.search import Document, QuestionSearch, marked
from yikatong.guide.spelling import initials_of, plain, syllables


@cache
def search() -> QuestionSearch:
    entries, problems = read_questions(BEIJING)
    assert not problems
    return QuestionSearch(
        [
            Document(
                entry.code,
                entry.title_zh,
                entry.title_en,
                entry.keywords,
                entry.answer_zh,
                entry.answer_en,
                "|".join(" ".join(syllables(text)) for text in (entry.title_zh, *entry.keywords)),
            )
            for entry in entries["question"]
        ]
    )


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("旧卡还能用吗", "old_card_valid"),
        ("旧卡", "old_card_valid"),
        ("老卡能不能用", "old_card_valid"),
        ("卡丢了", "lost_card"),
        ("社保卡丢了怎么办呢", "lost_card"),
        ("公园年票多少钱", "park_pass"),
        ("颐和园年票", "park_pass"),
        ("孩子", "minor"),
        ("怎么投诉", "complaint"),
        ("字太小", "large_print"),
        ("邮寄到家", "posting"),
        ("换 银行", "change_bank"),
        ("充值", "topup"),
        ("多少天能拿到", "time_to_make"),
        ("大学生", "student"),
        ("短信诈骗", "fraud"),
        # initials and full pinyin
        ("gsbb", "lost_card"),
        ("GSBB", "lost_card"),
        ("shbzk", "why_exchange"),
        ("jhk", "two_activations"),
        ("gynp", "park_pass"),
        ("guashi", "lost_card"),
        ("gua shi", "lost_card"),
        ("gongyuannianpiao", "park_pass"),
        ("chongzhi", "topup"),
        ("chongzih", "topup"),  # a slip
        # English
        ("lost card", "lost_card"),
        ("park pass", "park_pass"),
        ("privacy", "privacy"),
        ("complain", "complaint"),
        ("complaint", "complaint"),
        ("large print", "large_print"),
        ("screenshot", "ecard_screenshot"),
        ("screnshot", "ecard_screenshot"),  # a slip
        ("foreigner", "foreigner"),
    ],
)
def test_what_people_type(typed: str, first: str) -> None:
    found = search().find(typed)
    assert first in found[:3], found[:5]


@pytest.mark.parametrize("typed", ["", "  ", "？？", "x", "qqqzzz", "量子力学", "火星基地", "😀"])
def test_nothing_fits(typed: str) -> None:
    assert search().find(typed) == []


def test_every_question_is_found_by_its_own_title() -> None:
    entries, _ = read_questions(BEIJING)
    for entry in entries["question"]:
        assert search().find(entry.title_zh)[0] == entry.code
        assert search().find(entry.title_en)[0] == entry.code


@pytest.mark.parametrize(
    ("text", "query", "hits"),
    [
        ("卡丢了怎么办？", "卡丢了", ["卡丢了"]),
        ("预挂失十天到了", "挂失", ["挂失"]),
        ("Lost card", "card", ["card"]),
        ("Lost card", "the", []),
        ("甲", "乙", []),
        ("a+b", "a+b", ["a+b"]),
    ],
)
def test_highlights(text: str, query: str, hits: list[str]) -> None:
    pieces = list(marked(text, query))
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, hit in pieces if hit] == hits


@pytest.mark.parametrize(
    ("text", "spelt", "initials"),
    [
        ("银行", "yin hang", "yh"),
        ("国贸10号线", "guo mao 10 hao xian", "gm10hx"),
        ("（虚构）A银行", "xu gou a yin hang", "xgayh"),
        ("绿", "lv", "l"),
    ],
)
def test_spelling(text: str, spelt: str, initials: str) -> None:
    assert " ".join(syllables(text)) == spelt
    assert initials_of(syllables(text)) == initials


def test_plain_forms() -> None:
    assert plain("Ａ１号　线（外）") == "a1号线外"
