"""Who hears of what: every connection between a lower floor's hook and a higher floor's function, in one place."""

from yikatong.acceptance.services import refresh_denials
from yikatong.applications import hooks as application_hooks
from yikatong.applications import selectors as application_selectors
from yikatong.approvals import acts
from yikatong.approvals.account_acts import ACCOUNT_ACTS
from yikatong.approvals.person_acts import PERSON_ACTS
from yikatong.campaign.case_kinds import FAILED_INVITATIONS
from yikatong.campaign.following import follow_application, follow_card
from yikatong.cases import kinds as case_kinds
from yikatong.credentials import statuses
from yikatong.delegation import hooks as delegation_hooks
from yikatong.ecard import services as ecard
from yikatong.exports import kinds as export_kinds
from yikatong.issuance import hooks as card_hooks
from yikatong.issuance import selectors as card_selectors
from yikatong.issuance.acts import END_SOCIAL_FUNCTION
from yikatong.issuance.case_kinds import HELD_CARDS
from yikatong.issuance.portraits import drop_own_portrait
from yikatong.issuance.production import order_production
from yikatong.messaging.acts import BIG_MESSAGE
from yikatong.messaging.case_kinds import FAILED_MESSAGES
from yikatong.outreach import hooks as outreach_hooks
from yikatong.supervision.case_kinds import COMPLAINTS
from yikatong.supervision.offers import record_offer_at_home
from yikatong.workbench.campaign_export import PLAN_EXPORTS
from yikatong.workbench.list_exports import LIST_EXPORTS


def connect() -> None:
    """Make all connections. Safe to repeat."""
    application_selectors.card_facts(card_selectors.cards_held)
    application_hooks.on_approved(order_production)
    application_hooks.on_approved(follow_application)
    application_hooks.on_cancelled(drop_own_portrait)
    card_hooks.on_card_made(ecard.create_electronic_card)
    card_hooks.on_card_changed(ecard.follow_card)
    card_hooks.on_card_changed(refresh_denials)
    card_hooks.on_card_changed(statuses.follow_card)
    card_hooks.on_card_changed(follow_card)
    delegation_hooks.on_ended(ecard.follow_delegation)
    acts.register(*ACCOUNT_ACTS, *PERSON_ACTS, END_SOCIAL_FUNCTION, BIG_MESSAGE)
    case_kinds.register(HELD_CARDS, FAILED_INVITATIONS, FAILED_MESSAGES, COMPLAINTS)
    export_kinds.register(*LIST_EXPORTS, *PLAN_EXPORTS)
    outreach_hooks.on_banks_shown(record_offer_at_home)
