from datetime import date

import pytest
from django.db import connection

from briefings.models import SearchMiss
from briefings.search import misses
from briefings.search.misses import may_be_kept, record_miss

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 23)


def counted() -> dict[str, int]:
    return dict(SearchMiss.objects.values_list("text", "count"))


def test_each_search_counts_once():
    record_miss("碳關稅", TODAY)
    record_miss("碳關稅", TODAY)

    assert counted() == {"碳關稅": 2}


def test_the_same_word_in_another_script_counts_as_the_same():
    for typed in ("碳關稅 CBAM", "碳关税　cbam", " 碳關稅 ＣＢＡＭ "):
        record_miss(typed, TODAY)

    assert counted() == {"碳關稅 CBAM": 3}


def test_the_last_day_is_kept():
    record_miss("碳關稅", date(2026, 1, 1))
    record_miss("碳關稅", TODAY)

    assert SearchMiss.objects.get().last_day == TODAY


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "chan@example.com", "ｃｈａｎ＠example.com", "2345 6789", "+852-2345-6789"),
        *("A123456(7)", "６１２３４５６７", "字" * 61),
    ],
)
def test_what_may_say_who_searched_is_not_kept(text):
    assert not may_be_kept(text.strip())


@pytest.mark.parametrize("text", ["碳關稅", "2026年", "第4屆 2026", "字" * 60])
def test_a_subject_is_kept(text):
    assert may_be_kept(text)


def test_a_full_table_drops_what_was_rarely_looked_for(monkeypatch):
    monkeypatch.setattr(misses, "MOST_KEPT", 3)
    monkeypatch.setattr(misses, "DROPPED_AT_ONCE", 2)
    for text in ("甲甲", "甲甲", "乙乙", "丙丙", "丁丁"):
        record_miss(text, TODAY)

    assert counted() == {"甲甲": 2, "丁丁": 1}


def test_a_database_that_refuses_costs_the_count_only():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE briefings_searchmiss RENAME TO elsewhere")

    record_miss("碳關稅", TODAY)

    assert connection.introspection.table_names()


def test_the_wait_for_a_busy_database_is_as_long_as_before():
    if connection.vendor != "sqlite":
        pytest.skip("on PostgreSQL the setting ends with the transaction")
    before = misses._run("PRAGMA busy_timeout")

    record_miss("碳關稅", TODAY)

    assert misses._run("PRAGMA busy_timeout") == before


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_database_that_somebody_else_writes_to_is_not_waited_for():
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE" if other.vendor == "sqlite" else "BEGIN")
            if other.vendor == "postgresql":
                cursor.execute("LOCK TABLE briefings_searchmiss")
            record_miss("碳關稅", TODAY)
    finally:
        other.close()

    assert counted() == {}
