"""Addresses of the card centre's editing of questions and videos."""

from django.urls import URLPattern, path

from yikatong.workbench import content, content_videos

urlpatterns: list[URLPattern] = [
    path("", content.questions, name="questions"),
    path("new/", content.new, name="new"),
    path("videos/", content_videos.videos, name="videos"),
    path("videos/<int:video_id>/show/", content_videos.show, name="video_show"),
    path("<str:code>/", content.question, name="question"),
    path("<str:code>/history/", content.history, name="history"),
    path("<str:code>/act/", content.act, name="act"),
]
