"""Answers as HTML: the few marks work, everything else stays text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yikatong.guide.markup import is_safe_target, to_html, to_plain, unsafe_links


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("一句话。", "<p>一句话。</p>"),
        ("一\n\n二", "<p>一</p>\n<p>二</p>"),
        ("一\n二", "<p>一<br>二</p>"),
        ("- 甲\n- 乙", "<ul><li>甲</li><li>乙</li></ul>"),
        ("分两种：\n- 甲\n- 乙", "<p>分两种：</p><ul><li>甲</li><li>乙</li></ul>"),
        ("- 甲\n后面", "<ul><li>甲</li></ul><p>后面</p>"),
        ("见[帮助](/help/)。", '<p>见<a href="/help/">帮助</a>。</p>'),
        ("拨[12333](tel:12333)", '<p>拨<a href="tel:12333">12333</a></p>'),
        ("[x](/places/?category=park&near=a)", '<p><a href="/places/?category=park&amp;near=a">x</a></p>'),
        ("<b>&", "<p>&lt;b&gt;&amp;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](//evil.example/)", "<p>[x](//evil.example/)</p>"),
        ("[x](https://evil.example/)", "<p>[x](https://evil.example/)</p>"),
        ('[x](/a"onclick="b)', "<p>[x](/a&quot;onclick=&quot;b)</p>"),
        ("", ""),
    ],
)
def test_marks(text: str, html: str) -> None:
    assert to_html(text) == html


@given(st.text(alphabet="ab<>\"'&[]()/-\n :tel.\\甲", max_size=60))
def test_nothing_typed_becomes_a_tag_of_its_own(text: str) -> None:
    tags = set(re.findall(r"<[^>]*>", to_html(text)))
    links = {tag for tag in tags if tag.startswith("<a ")}
    assert tags - links <= {"<p>", "</p>", "<br>", "<ul>", "</ul>", "<li>", "</li>", "</a>"}
    for link in links:
        target = re.fullmatch(r'<a href="([^"<>]*)">', link)
        assert target
        assert target[1].startswith("tel:") or re.match(r"/(?![/\\])", target[1]) or target[1] == "/"


@pytest.mark.parametrize("target", ["/", "/help/", "/places/?q=1#a", "tel:12333", "tel:+86-10"])
def test_safe_targets(target: str) -> None:
    assert is_safe_target(target)


@pytest.mark.parametrize("target", ["", "//x", "/\\x", "http://x", "javascript:x", "tel:", "data:x", "help/", "/a b"])
def test_unsafe_targets_are_told(target: str) -> None:
    assert not is_safe_target(target)
    if " " not in target:
        assert unsafe_links(f"[甲]({target})") == [target]


def test_plain_text() -> None:
    assert to_plain("见[帮助](/help/)：\n- 甲\n\n乙") == "见帮助： 甲 乙"
