from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.sitemaps.views import sitemap
from django.urls import URLPattern, URLResolver, include, path

from briefings.sitemaps import SITEMAPS
from briefings.views.reading import only_read
from cma_site import health, password_reset, robots
from cma_site.watching.metrics_page import metrics
from subscribers.urls import mailbox_urlpatterns

handler400 = "cma_site.errors.bad_request"
handler403 = "cma_site.errors.forbidden"
handler404 = "cma_site.errors.not_found"
handler500 = "cma_site.errors.server_error"

forgotten_password = [
    path("", password_reset.AskView.as_view(), name="admin_password_reset"),
    path("sent/", auth_views.PasswordResetDoneView.as_view(), name="password_reset_done"),
    path(
        "<uidb64>/<token>/",
        password_reset.SetPasswordView.as_view(),
        name="password_reset_confirm",
    ),
    path("done/", auth_views.PasswordResetCompleteView.as_view(), name="password_reset_complete"),
]
urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/password_reset/", include(forgotten_password)),
    path("admin/", admin.site.urls),
    path("healthz", only_read(health.alive)),
    path("readyz", only_read(health.ready)),
    path("metrics", only_read(metrics), name="metrics"),
    path("sitemap.xml", only_read(sitemap), {"sitemaps": SITEMAPS}, name="sitemap"),
    path("robots.txt", only_read(robots.allow_reading)),
    path("", include("subscribers.urls")),
    path("", include("briefings.urls")),
]
if settings.MAILBOX_DIR:
    urlpatterns.insert(0, path("mailbox/", include((mailbox_urlpatterns, "mailbox"))))
if settings.OIDC_ISSUER:
    from cma_site import oidc_pages  # with libraries that nothing else asks for

    urlpatterns.insert(0, path("admin/oidc/", include(oidc_pages.urlpatterns)))
