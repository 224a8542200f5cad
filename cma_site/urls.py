from django.conf import settings
from django.contrib import admin
from django.contrib.sitemaps.views import sitemap
from django.urls import include, path

from briefings.sitemaps import SITEMAPS
from cma_site import health, robots
from subscribers.urls import mailbox_urlpatterns

handler400 = "cma_site.errors.bad_request"
handler403 = "cma_site.errors.forbidden"
handler404 = "cma_site.errors.not_found"
handler500 = "cma_site.errors.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("sitemap.xml", sitemap, {"sitemaps": SITEMAPS}, name="sitemap"),
    path("robots.txt", robots.allow_reading),
    path("", include("subscribers.urls")),
    path("", include("briefings.urls")),
]
if settings.MAILBOX_DIR:
    urlpatterns.insert(0, path("mailbox/", include((mailbox_urlpatterns, "mailbox"))))
