"""The workbenches' addresses, one namespace an area; which role may visit which area: ``accounts.roles``."""

from django.urls import include, path

from yikatong.workbench import (
    appointments,
    bank,
    bank_lists,
    campaign_urls,
    content_urls,
    counter,
    delegations,
    fairness_urls,
    home,
    kiosk,
    outreach_urls,
    own_account,
    purse,
    staff_urls,
    statements,
    stock,
    unit_collect,
    unit_urls,
    verifying,
    walk_in,
)

app_name = "work"
urlpatterns = [
    path("", home.home, name="home"),
    path(
        "bank/",
        include(
            (
                [
                    path("", bank.desk, name="desk"),
                    path("find/", bank.find, name="find"),
                    path("cards/<int:card_id>/", bank.card, name="card"),
                    path("appointments/", appointments.appointments, name="appointments"),
                    path("stock/", stock.stock, name="stock"),
                    path("day/", bank_lists.day_report, name="day"),
                    path("day.csv", bank_lists.day_report_csv, name="day_csv"),
                    path("cards/", bank_lists.cards, name="cards"),
                    path("cards.csv", bank_lists.cards_csv, name="cards_csv"),
                    path("walk-in/", walk_in.walk_in, name="walk_in"),
                    path("units/", unit_collect.packets_at_bank, name="units"),
                    path("cards/<int:card_id>/chip/", counter.chip, name="chip"),
                    path("cards/<int:card_id>/chip/<str:step>/", counter.chip_step, name="chip_step"),
                    path("cards/<int:card_id>/purse/", purse.purse, name="purse"),
                    path("cards/<int:card_id>/purse/<str:step>/", purse.purse_step, name="purse_step"),
                    path("cards/<int:card_id>/face.pdf", counter.face, name="face"),
                ],
                "bank",
            )
        ),
    ),
    path("password/", own_account.password, name="password"),
    path("sessions/", own_account.sessions, name="sessions"),
    path("staff/", include((staff_urls.staff_patterns, "staff"))),
    path("approvals/", include((staff_urls.approval_patterns, "approvals"))),
    path("accounts/", include((staff_urls.account_patterns, "accounts"))),
    path("cases/", include((staff_urls.case_patterns, "cases"))),
    path("exports/", include((staff_urls.export_patterns, "exports"))),
    path("messages/", include((staff_urls.messaging_patterns, "messaging"))),
    path(
        "statements/",
        include(
            (
                [
                    path("", statements.batches, name="batches"),
                    path("<str:batch_id>/<str:party>/<str:form>/", statements.download, name="download"),
                ],
                "statements",
            )
        ),
    ),
    path("delegations/", include(([path("", delegations.in_person, name="in_person")], "delegations"))),
    path(
        "kiosk/",
        include(
            (
                [
                    path("", kiosk.start, name="start"),
                    path("chip/", kiosk.chip, name="chip"),
                    path("identity/", kiosk.identity, name="identity"),
                    path("code/", kiosk.code, name="code"),
                    path("confirm/", kiosk.confirm, name="confirm"),
                    path("done/", kiosk.done, name="done"),
                    path("still-here/", kiosk.still_here, name="still_here"),
                    path("leave/", kiosk.leave, name="leave"),
                ],
                "kiosk",
            )
        ),
    ),
    path("audit/", include((staff_urls.audit_patterns, "audit"))),
    path("campaigns/", include((campaign_urls.urlpatterns, "campaigns"))),
    path("content/", include((content_urls.urlpatterns, "content"))),
    path("fairness/", include((fairness_urls.urlpatterns, "fairness"))),
    path("outreach/", include((outreach_urls.urlpatterns, "outreach"))),
    path(
        "verify/",
        include(
            (
                [
                    path("", verifying.ask, name="ask"),
                    path("<str:question_id>/", verifying.question, name="question"),
                    path("<str:question_id>/state/", verifying.state, name="state"),
                ],
                "verify",
            )
        ),
    ),
    path("unit/", include((unit_urls.urlpatterns, "unit"))),
]
