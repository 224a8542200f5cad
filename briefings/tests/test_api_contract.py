"""The API does what its document says, whatever is asked."""

from datetime import date

import hypothesis
import pytest
import schemathesis
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck

from briefings.models import Entry
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_published

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


# It asks for compressed answers, and reads them as they come.
PLAIN = {"Accept-Encoding": "identity"}

document = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())


@pytest.fixture(autouse=True)
def archive(settings):
    settings.API_RATE = 10**6
    cache.clear()
    for number in range(1, 4):
        entry = {"headline": f"短評{number}", "themes": ["創科"]}
        make_published(entry, date=date(2026, 11, number))
    withdraw_edition(Entry.objects.get(headline="短評3").edition, note="資料有誤。")


@document.parametrize()
@hypothesis.settings(
    max_examples=40,
    derandomize=True,  # the same examples each time
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_api_keeps_its_promises(case, live_server):
    case.call_and_validate(base_url=live_server.url, headers=PLAIN)


@pytest.mark.parametrize(
    ("path", "slug", "status"),
    [
        ("/api/v1/editions/{slug}", "2026-11-01", 200),
        ("/api/v1/editions/{slug}", "2026-11-03", 410),
        ("/api/v1/entries/{slug}", "短評1", 200),
        ("/api/v1/entries/{slug}", "短評3", 410),
        ("/api/v1/themes/{slug}", "創科", 200),
    ],
)
def test_what_is_there_is_told_as_promised(path, slug, status, live_server):
    case = document[path]["GET"].Case(path_parameters={"slug": slug})

    answer = case.call_and_validate(base_url=live_server.url, headers=PLAIN)

    assert answer.status_code == status
