from django.urls import path

from subscribers import login_pages, preference_pages, views
from subscribers.bounces.webhooks import receive_events
from subscribers.mailbox import mailbox_urlpatterns

__all__ = ["PAGES", "mailbox_urlpatterns", "urlpatterns"]

app_name = "subscribers"
# What members see, by the names of the addresses; of what only takes a form, the page it is on.
_PAGES = {
    name: name
    for name in (
        *("subscribe", "subscribe_sent", "confirm", "preferences", "unsubscribe", "mail"),
        *("login", "login_sent", "enter", "move", "keep", "erase"),
    )
} | {
    "change_address": "preferences",
    "follow_search": "preferences",
    "unfollow_search": "preferences",
    "resume": "preferences",
    "ask_for_data": "preferences",
    "ask_to_erase": "preferences",
    "logout": "login",
}
PAGES = {f"{app_name}:{name}": f"{app_name}:{page}" for name, page in _PAGES.items()}

urlpatterns = [
    path("subscribe/", views.subscribe, name="subscribe"),
    path("subscribe/sent/", views.subscribe_sent, name="subscribe_sent"),
    path("subscribe/confirm/<str:token>/", views.confirm, name="confirm"),
    path("preferences/<str:token>/", views.preferences, name="preferences"),
    path(
        "preferences/<str:token>/address/", preference_pages.change_address, name="change_address"
    ),
    path("preferences/<str:token>/follow/", preference_pages.follow_search, name="follow_search"),
    path(
        "preferences/<str:token>/unfollow/",
        preference_pages.unfollow_search,
        name="unfollow_search",
    ),
    path("preferences/<str:token>/resume/", preference_pages.resume, name="resume"),
    path("preferences/<str:token>/data/", preference_pages.ask_for_data, name="ask_for_data"),
    path("preferences/<str:token>/erase/", preference_pages.ask_to_erase, name="ask_to_erase"),
    path("move/<str:token>/", preference_pages.move, name="move"),
    path("keep/<str:token>/", preference_pages.keep, name="keep"),
    path("erase/<str:token>/", preference_pages.erase, name="erase"),
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("mail/<str:token>/", views.mail, name="mail"),
    path("login/", login_pages.login, name="login"),
    path("login/sent/", login_pages.login_sent, name="login_sent"),
    path("login/<str:token>/", login_pages.log_in, name="login"),
    path("enter/<str:token>/", login_pages.enter, name="enter"),
    path("webhooks/<str:esp>/", receive_events, name="webhooks"),
    path("logout/", login_pages.logout, name="logout"),
]
