"""Who hears of what: every connection between a lower floor's hook and a higher floor's function, in one place."""

from yikatong.acceptance.services import refresh_denials
from yikatong.applications import hooks as application_hooks
from yikatong.applications import selectors as application_selectors
from yikatong.campaign.following import follow_application, follow_card
from yikatong.credentials import statuses
from yikatong.ecard import services as ecard
from yikatong.issuance import hooks as card_hooks
from yikatong.issuance import selectors as card_selectors
from yikatong.issuance.production import order_production


def connect() -> None:
    """Make all connections. Safe to repeat."""
    application_selectors.card_facts(card_selectors.cards_held)
    application_hooks.on_approved(order_production)
    application_hooks.on_approved(follow_application)
    card_hooks.on_card_made(ecard.create_electronic_card)
    card_hooks.on_card_changed(ecard.follow_card)
    card_hooks.on_card_changed(refresh_denials)
    card_hooks.on_card_changed(statuses.follow_card)
    card_hooks.on_card_changed(follow_card)
