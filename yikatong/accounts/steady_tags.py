"""``{% translate %}`` and ``{% url %}`` worked out once per process and language where every page has the same text there.

A page of the portal has some fifty of them, a quarter of the time it takes to write it (docs/benchmarks.md, portal). A tag with a
filter, a variable, an argument or ``as`` is Django's own. Registered in the place of Django's ``i18n`` library and as builtin.
"""

from django.template import Context, Library, Node
from django.template.base import FilterExpression, Parser, Token, Variable
from django.template.defaulttags import URLNode, url
from django.templatetags.i18n import TranslateNode, do_translate
from django.templatetags.i18n import register as django_i18n
from django.utils.translation import get_language

register = Library()
register.tags.update(django_i18n.tags)
register.filters.update(django_i18n.filters)


class _Steady(Node):
    """A node whose text depends on the language only."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._texts: dict[str | None, str] = {}

    def render(self, context: Context) -> str:
        language = get_language()
        text = self._texts.get(language)
        if text is None:
            text = self._texts[language] = self._node.render(context)
        return text


def _is_literal(expression: FilterExpression) -> bool:
    if expression.filters:
        return False
    return isinstance(expression.var, str) or (isinstance(expression.var, Variable) and expression.var.lookups is None)


@register.tag("translate")
@register.tag("trans")
def translate(parser: Parser, token: Token) -> Node:
    """As Django's."""
    node = do_translate(parser, token)
    is_steady = isinstance(node, TranslateNode) and not (node.noop or node.asvar or node.message_context)
    return _Steady(node) if is_steady and _is_literal(node.filter_expression) else node


@register.tag("url")
def steady_url(parser: Parser, token: Token) -> Node:
    """As Django's."""
    node = url(parser, token)
    is_steady = isinstance(node, URLNode) and not (node.args or node.kwargs or node.asvar)
    return _Steady(node) if is_steady and _is_literal(node.view_name) else node
