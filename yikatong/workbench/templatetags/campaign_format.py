"""How figures of a campaign are written: thousands, percent, kilometres. Nothing is a dash."""

from django import template

register = template.Library()
NOTHING = "—"
SMALL = 0.0995


@register.filter
def thousands(value: float | None) -> str:
    """``12,345``."""
    return NOTHING if value is None else f"{value:,.0f}"


@register.filter
def percent(value: float | None) -> str:
    """A share as ``87%``; a small one as ``4.2%`` or ``0.15%``."""
    if value is None:
        return NOTHING
    decimals = 0 if value >= SMALL or value <= 0 else 1 if value >= SMALL / 10 else 2
    return f"{value:.{decimals}%}"


@register.filter
def km(value: float | None) -> str:
    """Metres as kilometres with one decimal."""
    return NOTHING if value is None else f"{value / 1000:,.1f}"


@register.filter
def tenths(value: float | None) -> str:
    """One decimal."""
    return NOTHING if value is None else f"{value:,.1f}"
