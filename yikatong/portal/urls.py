"""The resident's addresses."""

from django.urls import path

from yikatong.portal import applying, appointments, cards, code, complaints, fairness, finder, home, questions

app_name = "portal"
urlpatterns = [
    path("", home.home, name="home"),
    path("welcome/", home.welcome, name="welcome"),
    path("help/", home.help_page, name="help"),
    path("fairness/", fairness.notices, name="fairness"),
    path("fairness/<str:day>.json", fairness.record, name="fairness_record"),
    path("fairness/figures/", fairness.figures, name="fairness_figures"),
    path("fairness/figures.csv", fairness.figures_csv, name="fairness_figures_csv"),
    path("fairness/complaint/", complaints.report, name="complaint"),
    path("fairness/complaint/state/", complaints.state, name="complaint_state"),
    path("large-print/", home.large_print, name="large_print"),
    path("services/", finder.services, name="services"),
    path("services/<str:code>/", finder.service, name="service"),
    path("places/", finder.places, name="places"),
    path("places/<str:place_id>/", finder.place, name="place"),
    path("questions/", questions.questions, name="questions"),
    path("questions/<str:code>/", questions.question, name="question"),
    path("questions/<str:code>/helpful/", questions.feedback, name="question_feedback"),
    path("videos/", questions.videos, name="videos"),
    path("videos/<int:video_id>/film/", questions.media, name="video_media"),
    path("videos/<int:video_id>/captions/<str:language>.vtt", questions.captions, name="video_captions"),
    path("identify/", home.identify, name="identify"),
    path("apply/", applying.choose_person, name="apply"),
    path("apply/bank/", applying.choose_bank, name="apply_bank"),
    path("apply/collection/", applying.choose_collection, name="apply_collection"),
    path("apply/check/", applying.check, name="apply_check"),
    path("apply/receipt/<int:person_id>/<uuid:application_id>/", applying.receipt, name="apply_receipt"),
    path("appointments/", appointments.appointments, name="appointments"),
    path("progress/", cards.progress, name="progress"),
    path("cards/<int:card_id>/activate/", cards.activate, name="activate"),
    path("cards/<int:card_id>/loss/", cards.loss, name="loss"),
    path("rides/", cards.rides, name="rides"),
    path("code/", code.show, name="code"),
    path("code/device/", code.enrol, name="code_device"),
    path("code/stop/", code.stop, name="code_stop"),
    path("code/image/", code.image, name="code_image"),
]
