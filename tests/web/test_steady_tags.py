"""Texts and addresses that are the same in every page are worked out once in each language, all others as Django does."""

import pytest
from django.template import Context, Template, engines
from django.test import RequestFactory
from django.utils.translation import override

from yikatong.accounts import steady_tags

TEXT = (
    '{% load i18n %}{% translate "帮助" %}|{% translate word %}|{% translate "帮助" as kept %}{{ kept }}'
    '|{% url "portal:help" %}|{% url name %}'
)


def shown(template: Template, language: str, word: str, name: str) -> list[str]:
    with override(language):
        return template.render(Context({"word": word, "name": name, "request": RequestFactory().get("/")})).split("|")


def test_each_language_has_its_own_text_and_variables_are_looked_at_every_time() -> None:
    template = engines["django"].engine.from_string(TEXT)  # type: ignore[attr-defined]
    english = shown(template, "en", "语言", "portal:home")
    assert shown(template, "zh-hans", "帮助", "portal:welcome") == ["帮助", "帮助", "帮助", "/help/", "/welcome/"]
    assert shown(template, "en", "语言", "portal:home") == english == ["Help", "Language", "Help", "/help/", "/"]


@pytest.mark.parametrize(
    ("source", "is_steady"),
    [
        ('{% translate "帮助" %}', True),
        ('{% translate "帮助"|upper %}', False),
        ('{% translate "帮助" context "menu" %}', False),
        ("{% translate word %}", False),
        ('{% url "portal:help" %}', True),
        ('{% url "portal:place" "x" %}', False),
        ('{% url "portal:help" as address %}', False),
    ],
)
def test_only_what_stands_for_one_text_is_steady(source: str, *, is_steady: bool) -> None:
    (node,) = engines["django"].engine.from_string("{% load i18n %}" + source).nodelist[1:]  # type: ignore[attr-defined]
    assert isinstance(node, steady_tags._Steady) == is_steady
