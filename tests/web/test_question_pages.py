"""Questions as residents read them, and as the card centre edits them."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.guide.conftest import city  # noqa: F401
from tests.guide.films import TINY_MP4
from yikatong.accounts.models import Role, User
from yikatong.audit.models import AuditEvent
from yikatong.guide.models import Helpfulness, Question, QuestionVersion, Video

pytestmark = [pytest.mark.usefixtures("city"), pytest.mark.django_db]
CAPTIONS = "WEBVTT\n\n00:00.000 --> 00:01.000\n先登录。\n"


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"accept-language": "zh-hans"})


@pytest.fixture
def editor() -> Client:
    return signed_in("editor")


def signed_in(name: str, role: str = Role.CARD_CENTRE) -> Client:
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(User.objects.create_user(name, role=role))
    return client


def fields_of(page: str) -> dict[str, str]:
    """What the edit form holds."""
    from html import unescape

    found = {"began_from": re.search(r'name="began_from" value="(\d+)"', page)[1]}  # type: ignore[index]
    for name, value in re.findall(r'<input class="form-control[^"]*" id="(\w+)" name="\w+" value="([^"]*)"', page):
        found[name] = unescape(value)
    for name, value in re.findall(
        r'<textarea class="form-control[^"]*" id="(\w+)"[^>]*>(.*?)</textarea>', page, re.DOTALL
    ):
        found[name] = unescape(value).removeprefix("\n")
    return found


EDIT = "/work/content/old_card_valid/"


def test_all_questions_stand_by_topic(visitor: Client) -> None:
    page = visitor.get("/questions/").content.decode()
    assert len(re.findall(r'href="/questions/\w+/"', page)) == Question.objects.count()
    assert "看视频" not in page
    assert visitor.get("/videos/").status_code == 404


@pytest.mark.parametrize(
    ("typed", "title"),
    [("gsbb", "卡丢了怎么办？"), ("掛失", "卡丢了怎么办？"), ("nianpiao", "公园年票怎么办？多少钱？")],
)
def test_search(visitor: Client, typed: str, title: str) -> None:
    page = visitor.get("/questions/", {"q": typed}).content.decode()
    titles = [re.sub("<[^>]+>", "", found) for found in re.findall(r"<h2><a[^>]*>(.*?)</a></h2>", page)]
    assert title in titles[:3]


def test_hits_are_marked_and_what_was_typed_is_escaped(visitor: Client) -> None:
    assert "<mark>公园年票</mark>" in visitor.get("/questions/", {"q": "公园年票"}).content.decode()
    page = visitor.get("/questions/", {"q": "<script>alert(1)</script>"}).content.decode()
    assert "<script>alert" not in page


def test_nothing_found_leads_to_people(visitor: Client) -> None:
    page = visitor.get("/questions/", {"q": "量子力学"}).content.decode()
    assert "没找到与“量子力学”有关的问题" in page
    assert 'href="tel:12333"' in page
    assert 'href="/fairness/complaint/"' in page


def test_every_answer_opens_in_both_languages(visitor: Client) -> None:
    english = Client(headers={"accept-language": "en"})
    for version in QuestionVersion.objects.select_related("question"):
        address = f"/questions/{version.question.code}/"
        page = visitor.get(address).content.decode()
        assert version.title_zh in page
        assert ("还没有核实" in page) == ("assumption" in version.source)
        assert version.title_en.replace("'", "&#x27;") in english.get(address).content.decode()
    assert visitor.get("/questions/none/").status_code == 404


def test_links_in_answers_lead_somewhere(visitor: Client) -> None:
    from yikatong.guide.markup import _LINK

    targets = {
        target
        for version in QuestionVersion.objects.all()
        for text in (version.answer_zh, version.answer_en)
        for _words, target in _LINK.findall(text)
        if not target.startswith("tel:")
    }
    assert targets
    for target in targets:
        assert visitor.get(target).status_code in {200, 302}, target


def test_an_opinion_counts_once_per_device(visitor: Client) -> None:
    for _again in range(3):
        visitor.post("/questions/lost_card/helpful/", {"helpful": "1"})
    assert "谢谢，已经记下" in visitor.get("/questions/lost_card/").content.decode()
    Client().post("/questions/lost_card/helpful/", {"helpful": "0"})
    Client().post("/questions/lost_card/helpful/", {"helpful": "x"})
    assert Client().post("/questions/none/helpful/", {"helpful": "1"}).status_code == 404
    counted = Helpfulness.objects.get(question__code="lost_card")
    assert (counted.helpful, counted.not_helpful) == (1, 1)
    visitor.cookies["answered"] = "forged"
    assert visitor.get("/questions/lost_card/").status_code == 200


def test_an_edit_is_previewed_saved_and_published(editor: Client, visitor: Client) -> None:
    asked = fields_of(editor.get(EDIT).content.decode())
    asked["answer_zh"] += "\n\n<b>新</b>的一段，见[帮助](/help/)。"
    preview = editor.post(EDIT, asked | {"act": "preview"}).content.decode()
    assert '<p>&lt;b&gt;新&lt;/b&gt;的一段，见<a href="/help/">帮助</a>。</p>' in preview
    assert QuestionVersion.objects.filter(question__code="old_card_valid").count() == 1
    assert editor.post(EDIT, asked | {"act": "save"}).status_code == 302
    assert "的一段" not in visitor.get("/questions/old_card_valid/").content.decode()
    assert "有未发布的改动" in editor.get("/work/content/?state=draft").content.decode()
    editor.post(EDIT + "act/", {"act": "publish", "number": "2"})
    assert "的一段" in visitor.get("/questions/old_card_valid/").content.decode()
    assert "的一段" in re.sub("<[^>]+>", "", visitor.get("/questions/?q=一段").content.decode())
    assert [
        event.action for event in AuditEvent.objects.filter(subject="question:old_card_valid").order_by("event_id")
    ] == [
        "question.seeded",
        "question.edited",
        "question.published",
    ]


def test_the_second_editor_is_told_with_both_texts(editor: Client) -> None:
    other = signed_in("other")
    mine = fields_of(editor.get(EDIT).content.decode())
    theirs = fields_of(other.get(EDIT).content.decode())
    other.post(EDIT, theirs | {"answer_zh": "对方的文字。", "act": "save"})
    answer = editor.post(EDIT, mine | {"answer_zh": "我的文字。", "act": "save"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "data-theirs>对方的文字。" in page
    assert "data-mine>我的文字。" in page
    assert fields_of(page)["answer_zh"] == "我的文字。", "nothing typed is lost"
    assert fields_of(page)["began_from"] == "2"
    assert editor.post(EDIT, fields_of(page) | {"act": "save"}).status_code == 302
    assert QuestionVersion.objects.filter(question__code="old_card_valid").count() == 3
    stale = editor.post(EDIT + "act/", {"act": "publish", "number": "2"})
    assert (stale.status_code, "我的文字。" in stale.content.decode()) == (409, True)


def test_history_shows_changes_and_restores(editor: Client) -> None:
    asked = fields_of(editor.get(EDIT).content.decode())
    first = asked["title_zh"]
    editor.post(EDIT, asked | {"title_zh": "老卡还能用吗？", "act": "publish"})
    history = editor.get(EDIT + "history/").content.decode()
    assert "<ins>老</ins>" in history
    assert "editor" in history
    editor.post(EDIT + "act/", {"act": "restore", "number": "1", "began_from": "2"})
    head = QuestionVersion.objects.filter(question__code="old_card_valid").order_by("-number")[0]
    assert (head.number, head.title_zh, head.note) == (3, first, "恢复第 1 版")
    editor.post(EDIT + "act/", {"act": "unpublish"})
    assert Client().get("/questions/old_card_valid/").status_code == 404


def test_bad_edits_are_explained_at_their_fields(editor: Client) -> None:
    asked = fields_of(editor.get(EDIT).content.decode())
    answer = editor.post(EDIT, asked | {"title_en": "", "answer_zh": "[x](http://evil.example)", "act": "save"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert '<a href="#title_en">' in page
    assert 'id="answer_zh-fault"' in page
    assert editor.post(EDIT, asked | {"began_from": "x", "act": "save"}).status_code == 404


def test_a_new_question(editor: Client, visitor: Client) -> None:
    given = {
        "title_zh": "新问题？",
        "title_en": "New?",
        "answer_zh": "答。",
        "answer_en": "Answer.",
        "keywords": "新鲜词",
        "source": "test",
    }
    made = {"code": "brand_new", "topic": "use", "act": "save"}
    assert "居民看到的样子" in editor.post("/work/content/new/", given | made | {"act": "preview"}).content.decode()
    assert editor.post("/work/content/new/", given | made | {"code": "NO"}).status_code == 422
    assert editor.post("/work/content/new/", given | made).status_code == 302
    assert editor.post("/work/content/new/", given | made).status_code == 422
    assert visitor.get("/questions/brand_new/").status_code == 404
    editor.post("/work/content/brand_new/act/", {"act": "publish", "number": "1"})
    assert "新问题？" in re.sub("<[^>]+>", "", visitor.get("/questions/?q=xxc").content.decode())


@pytest.mark.parametrize("role", [Role.RESIDENT, Role.BANK_CLERK, Role.UNIT, Role.AUDITOR, Role.OPERATOR])
def test_only_the_card_centre_edits(role: str) -> None:
    client = signed_in("someone", role)
    for address in ("/work/content/", EDIT, EDIT + "history/", "/work/content/videos/"):
        assert client.get(address).status_code == 403
    assert client.post(EDIT + "act/", {"act": "unpublish"}).status_code == 403


def video_form(**changes: object) -> dict[str, object]:
    return {
        "title_zh": "怎么启用",
        "title_en": "How to activate",
        "transcript_zh": "先登录。",
        "transcript_en": "",
        "media": SimpleUploadedFile("a.mp4", TINY_MP4),
        "captions_zh": SimpleUploadedFile("a.vtt", CAPTIONS.encode()),
    } | changes


def test_a_video_with_captions_from_upload_to_residents(editor: Client, visitor: Client) -> None:
    assert editor.post("/work/content/videos/", video_form()).status_code == 302
    video = Video.objects.get()
    assert visitor.get("/videos/").status_code == 404, "not published yet"
    assert visitor.get(f"/videos/{video.pk}/film/").status_code == 404
    editor.post(f"/work/content/videos/{video.pk}/show/", {"publish": "1"})
    page = visitor.get("/videos/").content.decode()
    assert (
        f'<track kind="captions" srclang="zh" label="简体中文" src="/videos/{video.pk}/captions/zh.vtt" default>'
        in page
    )
    assert "看视频" in visitor.get("/questions/").content.decode()
    whole = visitor.get(f"/videos/{video.pk}/film/")
    assert (whole.status_code, whole["Content-Type"], whole.content) == (200, "video/mp4", TINY_MP4)
    part = visitor.get(f"/videos/{video.pk}/film/", headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content, part["Content-Range"]) == (206, b"ftyp", f"bytes 4-7/{len(TINY_MP4)}")
    tail = visitor.get(f"/videos/{video.pk}/film/", headers={"range": "bytes=-5"})
    assert tail.content == TINY_MP4[-5:]
    assert visitor.get(f"/videos/{video.pk}/film/", headers={"range": "bytes=999999-"}).status_code == 416
    captions = visitor.get(f"/videos/{video.pk}/captions/zh.vtt")
    assert captions.content.decode() == CAPTIONS
    assert captions["Content-Type"].startswith("text/vtt")
    assert visitor.get(f"/videos/{video.pk}/captions/en.vtt").status_code == 404
    editor.post(f"/work/content/videos/{video.pk}/show/", {"publish": "0"})
    assert visitor.get("/videos/").status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"media": SimpleUploadedFile("a.mp4", b"<html>not a film</html>")}, "MP4 或 WebM"),
        ({"media": ""}, "MP4 或 WebM"),
        ({"captions_zh": SimpleUploadedFile("a.vtt", b"WEBVTT\n\n00:02.000 --> 00:01.000\nx")}, "字幕第 3 行"),
        ({"captions_zh": ""}, "第一行应为 WEBVTT"),
        ({"captions_zh": SimpleUploadedFile("a.vtt", b"\xff\xfe\x00")}, "第一行应为 WEBVTT"),
        ({"transcript_zh": " "}, "请填写"),
    ],
    ids=["not-a-film", "no-film", "bad-captions", "no-captions", "not-text", "no-transcript"],
)
def test_bad_videos(editor: Client, changes: dict[str, object], said: str) -> None:
    answer = editor.post("/work/content/videos/", video_form(**changes))
    assert (answer.status_code, said in answer.content.decode()) == (422, True)
    assert not Video.objects.exists()


def test_a_film_too_large(editor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yikatong.workbench.content_videos.MEDIA_BYTES_MAX", 10)
    assert "太大" in editor.post("/work/content/videos/", video_form()).content.decode()
