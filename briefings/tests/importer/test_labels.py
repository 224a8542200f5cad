from datetime import date

import pytest

from briefings.importer.labels import find_date, find_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("政策短評　第12期", 12),
        ("第十二期", 12),
        ("第二十期", 20),
        ("第 3 號", 3),
        ("policy no. 7", 7),
        ("第１２期", 12),
        ("第一產業", None),
        ("第期", None),
        ("2023-11-15", None),
    ],
)
def test_a_number_is_known_by_what_stands_around_it(text, number):
    assert find_number(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "2023年11月15日",
        "二〇二三年十一月十五日",
        "２０２３年１１月１５日",
        "2023-11-15_短評",
        "短評20231115",
    ],
)
def test_a_date_is_known_in_each_way_of_writing_it(text):
    assert find_date(text) == date(2023, 11, 15)


@pytest.mark.parametrize("text", ["2023年13月45日", "12345678901", "2023年11月", "20231345"])
def test_what_is_no_date_is_none(text):
    assert find_date(text) is None
