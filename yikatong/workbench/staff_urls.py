"""The addresses of the card centre's and the administrators' pages, by area."""

from django.urls import URLPattern, URLResolver, include, path

from yikatong.workbench import (
    accounts,
    approvals,
    audit,
    cases,
    data_requests,
    exports,
    messaging,
    outreach_urls,
    person,
    person_doing,
    register,
    staff,
)

staff_patterns: list[URLPattern | URLResolver] = [
    path("", staff.figures, name="figures"),
    path("register/", register.register, name="register"),
    path("register/export/", register.export, name="register_export"),
    path("persons/<int:person_id>/", person.person, name="person"),
    path("persons/<int:person_id>/history/", person.history, name="person_history"),
    path("persons/<int:person_id>/do/<str:what>/<str:ref>/", person_doing.doing, name="doing"),
    path("cards/", staff.cards, name="cards"),
    path("cards/export/", staff.export_cards, name="cards_export"),
    path("outreach/", include(outreach_urls.staff_urlpatterns)),
    path("data-requests/", data_requests.open_list, name="data_requests"),
    path("data-requests/<int:person_id>/<uuid:request_id>/", data_requests.one, name="data_request"),
]
audit_patterns = [path("", audit.trail, name="trail"), path("export/", audit.export, name="export")]
approval_patterns = [
    path("", approvals.requests, name="requests"),
    path("<uuid:request_id>/", approvals.request_page, name="request"),
]
account_patterns = [
    path("", accounts.accounts, name="accounts"),
    path("new/", accounts.new, name="new"),
    path("<int:user_id>/", accounts.account, name="account"),
]
case_patterns = [path("", cases.cases, name="cases"), path("<uuid:case_id>/", cases.case, name="case")]
export_patterns = [
    path("", exports.exports, name="exports"),
    path("<uuid:export_id>/", exports.export, name="export"),
    path("<uuid:export_id>/cancel/", exports.cancel, name="cancel"),
    path("<uuid:export_id>/download/", exports.download, name="download"),
]
messaging_patterns = [
    path("", messaging.dispatches, name="dispatches"),
    path("new/", messaging.new_dispatch, name="new"),
    path("<uuid:dispatch_id>/", messaging.dispatch, name="dispatch"),
    path("templates/", messaging.templates, name="templates"),
    path("templates/new/", messaging.new_template, name="template_new"),
    path("templates/<uuid:template_id>/", messaging.template, name="template"),
]
