"""The commands on cards, in one place to import from."""

from yikatong.issuance.adoption import adopt_older_cards
from yikatong.issuance.lifecycle import (
    Activation,
    activate_financial_function,
    activate_social_function,
    hand_over,
    lapse_pre_reports,
    mark_ready,
    pre_report_loss,
    report_loss,
    withdraw_pre_report,
)
from yikatong.issuance.production import order_production, produce_card, resume_orders

__all__ = [
    "Activation",
    "activate_financial_function",
    "activate_social_function",
    "adopt_older_cards",
    "hand_over",
    "lapse_pre_reports",
    "mark_ready",
    "order_production",
    "pre_report_loss",
    "produce_card",
    "report_loss",
    "resume_orders",
    "withdraw_pre_report",
]
