from django.urls import path

from subscribers import views
from subscribers.mailbox import mailbox_urlpatterns

__all__ = ["mailbox_urlpatterns", "urlpatterns"]

app_name = "subscribers"
urlpatterns = [
    path("subscribe/", views.subscribe, name="subscribe"),
    path("subscribe/sent/", views.subscribe_sent, name="subscribe_sent"),
    path("subscribe/confirm/<str:token>/", views.confirm, name="confirm"),
    path("preferences/<str:token>/", views.preferences, name="preferences"),
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("mail/<str:token>/", views.mail, name="mail"),
]
