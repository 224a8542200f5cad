from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from briefings.contexts import absolute_url
from briefings.languages import list_addresses


@require_safe
def allow_reading(request: HttpRequest) -> HttpResponse:
    """The archive is there to be found; a page for every word of it is not."""
    searches = reverse("briefings:search_feed_atom").removesuffix("atom/")
    lines = (
        "User-agent: *",
        f"Disallow: {reverse('admin:index')}",
        *(
            f"Disallow: {address}"
            for _, address in list_addresses(reverse("briefings:search"))[:-1]
        ),
        *(
            f"Disallow: {address}?"
            for _, address in list_addresses(reverse("briefings:phrases"))[:-1]
        ),
        f"Disallow: {reverse('briefings:phrase_counts')}",
        f"Disallow: {searches}",
        f"Sitemap: {absolute_url(reverse('sitemap'))}",
    )
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
