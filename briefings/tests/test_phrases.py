import csv
import re
from datetime import date, timedelta
from io import StringIO
from itertools import chain

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from briefings.models import Audience, GlossaryTerm, PinnedPhrase, SearchMiss
from briefings.phrase_plots import (
    AXIS,
    HIGHEST,
    STRIP,
    Measure,
    draw_plot,
    draw_spark,
)
from briefings.phrases import (
    LONGEST_PHRASE,
    MOST_COMPARED,
    disarm,
    find_pinned_in,
    list_pinned,
    make_address,
    read_phrases,
    show_contexts,
    trace_phrases,
)
from briefings.publishing import withdraw_edition
from briefings.search.merging import make_all_segments
from briefings.search.occurrences import Period, PeriodCount, Unit
from briefings.tests.makers import make_draft, make_published

pytestmark = pytest.mark.django_db


def pin(text: str, **fields) -> PinnedPhrase:
    return PinnedPhrase.objects.create(text=text, **fields)


def trace(*texts: str, audience=Audience.PUBLIC, unit=None):
    _, histories = trace_phrases(read_phrases(texts).terms, audience, unit)
    return histories


def show(client, *texts: str, **parameters):
    return client.get("/phrases/", {"q": texts, **parameters})


def read_csv(client, *texts: str, **parameters) -> list[list[str]]:
    answer = client.get("/phrases.csv", {"q": texts, **parameters}).content.decode("utf-8-sig")
    return list(csv.reader(StringIO(answer)))


# --------------------------------------------------------------------------------- what is asked
def test_each_field_is_one_phrase_and_white_space_is_none():
    terms, problems = read_phrases(["新質 生產力", "", "Made in China"])

    assert [term.typed.runs for term in terms] == [("新质生产力",), ("made", "in", "china")]
    assert problems == ()


@pytest.mark.parametrize("typed", ["「關稅」", "“關稅”", '"關稅"', " 「 關稅 」 "])
def test_quotation_marks_round_a_phrase_are_not_of_it(typed):
    assert [term.text for term in read_phrases([typed]).terms] == ["關稅"]


@pytest.mark.parametrize("typed", ["「關稅」戰", "「甲」和「乙」", "「甲」 甲"])
def test_quotation_marks_within_it_are(typed):
    assert [term.text for term in read_phrases([typed]).terms] == [typed]


def test_the_same_phrase_in_another_script_is_asked_once():
    assert len(read_phrases(["新質生產力", "新质生产力"]).terms) == 1


def test_more_than_four_are_too_many():
    terms, problems = read_phrases(["甲", "乙", "丙", "丁", "戊"])

    assert [term.text for term in terms] == ["甲", "乙", "丙", "丁"]
    assert problems == ("最多比較4個提法，只取最前的。",)


def test_what_has_neither_letter_nor_digit_is_named():
    assert read_phrases(["。。", "關稅"]).problems == ("「。。」沒有文字或數字。",)


@pytest.mark.parametrize(
    "typed",
    [
        "\0",
        "a\0b",
        "。",
        '"',
        "NEAR(",
        "😀",
        "字" * 10_000,
        "\u202e關稅",
        "\U00031350",
        "' OR 1=1 --",
        "\ud800",
    ],
)
@pytest.mark.parametrize("address", ["/phrases/", "/phrases.csv"])
def test_nothing_typed_is_an_error(typed, address, client):
    make_published()

    text = typed.encode("utf-8", "replace").decode()
    assert client.get(address, {"q": text}).status_code == 200


@pytest.mark.parametrize(
    "parameters",
    [
        {"by": "century"},
        {"by": ["year", "quarter"]},
        {"show": "\0"},
        {"of": "9"},
        {"of": "-1"},
        {"of": "x"},
        {"of": "99999999999999999999"},
        {"page": "99999999999999999999"},
        {"page": "\0"},
        {"q[]": "關稅"},
    ],
)
def test_a_parameter_that_makes_no_sense_is_left_out(parameters, client):
    make_published({"lead": "關稅。"})

    context = show(client, "關稅", **parameters).context

    assert [line.context.match for line in context["lines"]] == ["關稅"]


# ---------------------------------------------------------------------------------- the history
def test_a_history_tells_the_first_entry_with_its_sentence_and_the_totals():
    make_published({"lead": "又談關稅。關稅。"}, date=date(2026, 5, 1))
    make_published(
        {"headline": "關稅之始", "lead": "前句。關稅首見。後句。"}, date=date(2023, 5, 1)
    )

    [history] = trace("关税")

    assert (history.entries, history.occurrences) == (2, 4)
    assert history.first.entry.headline == "關稅之始"
    assert history.first.context == ("", "關稅", "首見。")
    assert history.last_day == date(2026, 5, 1)


def test_a_phrase_that_stands_in_a_headline_only_shows_the_headline():
    make_published({"headline": "關稅之始"})

    [history] = trace("關稅")

    assert "".join(history.first.context) == "關稅之始"


def test_the_other_wordings_of_the_glossary_are_not_counted(client):
    GlossaryTerm.objects.create(name="強制性公積金計劃").wordings.create(text="強積金")
    make_published({"lead": "強制性公積金計劃。"})

    assert trace("強積金")[0].entries == 0
    assert "簡稱和其他叫法則不計在內" in show(client, "強積金").content.decode()


def test_every_quarter_of_the_archive_is_counted_with_the_entries_in_all():
    make_published({"lead": "關稅。"}, {}, date=date(2026, 1, 5))
    make_published({}, date=date(2026, 8, 5))

    [history] = trace("關稅")

    assert [(count.period.label, count.published, count.entries) for count in history.periods] == [
        ("2026年第1季", 2, 1),
        ("2026年第2季", 0, 0),
        ("2026年第3季", 1, 0),
    ]


def show_befores(text: str, wanted: range) -> list[str]:
    [history] = trace(text)
    return [line.context.before[-1:] for line in show_contexts(history, wanted, Audience.PUBLIC)]


def test_occurrences_come_in_context_the_oldest_first_and_in_parts():
    make_published({"lead": "乙關稅，丙關稅。"}, {"lead": "丁關稅。"}, date=date(2026, 1, 5))
    make_published({"lead": "甲關稅。"}, date=date(2023, 1, 5))

    assert show_befores("關稅", range(4)) == list("甲乙丙丁")
    assert show_befores("關稅", range(2, 3)) == ["丙"]
    assert show_befores("關稅", range(3, 9)) == ["丁"]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 50])
def test_the_parts_make_the_whole(length):
    make_published({"lead": "甲關稅，乙關稅，丙關稅。"}, {"lead": "丁關稅。"}, {"lead": "戊關稅。"})

    starts = range(0, 5, length)
    parts = [show_befores("關稅", range(start, start + length)) for start in starts]
    assert list(chain(*parts)) == list("甲乙丙丁戊")


def test_what_is_shown_is_what_the_audience_may_see():
    make_published({"headline": "公開", "lead": "關稅。"}, date=date(2026, 1, 5))
    make_published(
        {"headline": "會員", "lead": "關稅。"}, audience=Audience.MEMBERS, date=date(2020, 1, 5)
    )
    make_draft({"lead": "關稅。"}, date=date(2019, 1, 5))
    withdraw_edition(make_published({"lead": "關稅。"}, date=date(2018, 1, 5)))

    [public], [members] = trace("關稅"), trace("關稅", audience=Audience.MEMBERS)

    assert (public.entries, public.first.entry.headline) == (1, "公開")
    assert public.periods[0].period.year == 2026
    assert (members.entries, members.first.entry.headline) == (2, "會員")


def test_a_closed_edition_changes_nothing_that_readers_get(client):
    make_published({"lead": "關稅。"}, date=date(2026, 1, 5))
    pin("關稅")
    pin("密語", note="密語的說明")
    asked = ["/phrases/", "/phrases/?q=關稅&q=密語", "/phrases.csv?q=關稅&q=密語", "/search/"]
    before = [client.get(address).content for address in asked]

    make_published(
        {"lead": "密語，關稅。"},
        date=date(2020, 1, 5),
        audience=Audience.MEMBERS,
        public_from=timezone.now() + timedelta(days=3),
    )

    assert [client.get(address).content for address in asked] == before


def test_an_entry_withdrawn_while_we_read_is_left_out():
    edition = make_published({"lead": "關稅。"})
    [history] = trace("關稅")

    withdraw_edition(edition)

    assert show_contexts(history, range(1), Audience.PUBLIC) == []


# -------------------------------------------------------------------------------------- the page
def test_the_page_shows_history_plot_table_and_contexts(client):
    edition = make_published({"headline": "關稅之始", "lead": "論關稅的影響。"})

    page = show(client, "关税").content.decode()

    assert "首見於<time" in page
    assert f'<a href="{edition.entries.get().get_absolute_url()}">關稅之始</a>' in page
    assert '<svg class="plot"' in page
    assert '<title id="plot-title">短評篇數，按季</title>' in page
    assert "論</span><mark>關稅</mark>" in page
    assert "/phrases.csv?q=" in page


def test_the_page_says_what_stands_where_in_plain_words(client):
    make_published({"lead": "關稅。"})

    shown = client.get("/phrases/", {"q": "關稅", "show": "share", "by": "year"}).text

    assert "<figcaption>每年短評中提及該提法的百分比。" in shown
    assert '<h2 id="kwic">各次出現的上下文</h2>' in shown


def test_what_was_typed_and_what_was_written_are_escaped(client):
    make_published({"lead": "<script>關稅</script>"})

    page = show(client, "關稅", '"><script>甲').content.decode()

    assert "<script" not in page


def test_the_page_has_no_inline_style_or_script(client):
    make_published({"lead": "關稅。"})
    pin("關稅")

    for page in (show(client, "關稅"), client.get("/phrases/")):
        text = page.content.decode()
        assert " style=" not in text
        assert "<script" not in text


def test_the_reader_chooses_the_phrase_whose_contexts_are_listed(client):
    make_published({"lead": "關稅，配額。"})

    context = show(client, "關稅", "配額", of="2").context

    assert [line.context.match for line in context["lines"]] == ["配額"]


def test_occurrences_come_in_pages_that_keep_the_phrases(client):
    make_published({"body": f"<p>{'關稅，' * 60}</p>"})

    answer = show(client, "關稅", "配額", page="2")

    assert len(answer.context["lines"]) == 10
    assert "?q=%E9%97%9C%E7%A8%85&amp;q=%E9%85%8D%E9%A1%8D&amp;page=1" in answer.content.decode()


def test_a_phrase_that_nobody_wrote_is_said_so_and_no_plot_drawn(client):
    page = show(client, "無此提法").content.decode()

    assert "未有短評用過這個提法。" in page
    assert "<svg" not in page
    assert not SearchMiss.objects.exists()


def test_a_history_is_not_for_search_engines_but_the_entrance_is(client):
    assert "noindex" in show(client, "關稅").content.decode()
    assert "noindex" not in client.get("/phrases/").content.decode()
    assert client.get("/phrases.csv", {"q": "關稅"})["X-Robots-Tag"] == "noindex"


def test_the_entrance_names_its_other_languages_and_a_history_none(client):
    for prefix in ("", "/en"):
        entrance = client.get(f"{prefix}/phrases/").text
        assert 'hreflang="en" href="http' in entrance
        assert f'{prefix}/phrases/">' in re.search('<link rel="canonical"[^>]*>', entrance)[0]
    assert 'rel="alternate" hreflang=' not in show(client, "關稅").text
    assert 'rel="canonical"' not in show(client, "關稅").text


def test_more_phrases_and_entries_cost_no_more_queries(client, django_assert_max_num_queries):
    for day in range(1, 13):
        make_published(
            {"lead": "甲乙。", "body": "<p>丙丁。</p>"}, {"lead": "甲。"}, date=date(2026, 1, day)
        )
    pin("甲")

    show(Client(), "甲")  # what processes keep is then in memory
    with django_assert_max_num_queries(8):
        show(client, *"甲乙丙丁")


def test_the_entrance_costs_the_same_whatever_is_pinned(client, django_assert_max_num_queries):
    make_published({"lead": "甲乙丙丁戊己。"})
    for text in "甲乙丙丁戊己":
        pin(text)

    Client().get("/themes/")  # what processes keep is then in memory
    with django_assert_max_num_queries(8):
        page = client.get("/phrases/").content.decode()

    assert page.count('class="spark"') == 6


# -------------------------------------------------------------------------------- as a spreadsheet
def test_the_file_has_a_row_for_each_phrase_and_period(client):
    make_published({"lead": "關稅，關稅。"}, {}, date=date(2025, 1, 5))
    make_published({"lead": "配額。"}, date=date(2026, 1, 5))

    assert read_csv(client, "關稅", "配額", by="year") == [
        ["提法", "期間", "期內短評", "提及的短評", "佔百分比", "出現次數"],
        ["關稅", "2025年", "2", "1", "50.0", "2"],
        ["關稅", "2026年", "1", "0", "0.0", "0"],
        ["配額", "2025年", "2", "0", "0.0", "0"],
        ["配額", "2026年", "1", "1", "100.0", "1"],
    ]


def test_the_file_opens_as_chinese_and_is_named_after_its_phrases(client):
    answer = client.get("/phrases.csv", {"q": "關稅"})

    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''%E6%8F%90")


@pytest.mark.parametrize("typed", ["=1+1", "+甲", "-甲", "@甲", "＝甲", "＠SUM(A1)"])
def test_no_cell_is_a_formula(typed, client):
    make_published()

    assert read_csv(client, typed)[1][0] == f"'{typed}"


def test_what_is_no_formula_stays_as_typed():
    assert disarm("甲=乙") == "甲=乙"


# -------------------------------------------------------------------------------------- the plot
def counts(*entries: int, published: int = 9) -> list[PeriodCount]:
    return [
        PeriodCount(Period(2000 + place), published, n, 2 * n) for place, n in enumerate(entries)
    ]


def test_all_strips_have_one_scale_and_none_is_without_its_name():
    plot = draw_plot([("甲", counts(4, 0)), ("乙", counts(0, 2))], Measure.ENTRIES)

    assert [strip.name for strip in plot.strips] == ["甲", "乙"]
    assert [bar.height for strip in plot.strips for bar in strip.bars] == [HIGHEST, HIGHEST // 2]
    assert plot.height == 2 * STRIP + AXIS


@pytest.mark.parametrize(
    ("measure", "numbers"),
    [(Measure.ENTRIES, ["3"]), (Measure.OCCURRENCES, ["6"]), (Measure.SHARE, ["33"])],
)
def test_each_measure_writes_its_number_over_the_bar(measure, numbers):
    plot = draw_plot([("甲", counts(3, 0))], measure)

    assert [bar.number for bar in plot.strips[0].bars] == numbers


def test_numbers_that_would_touch_higher_ones_are_left_out():
    plot = draw_plot([("甲", counts(*[1, 2] * 60, 5))], Measure.ENTRIES)

    bars = plot.strips[0].bars
    assert [bar.number for bar in bars][-5:] == ["", "2", "", "", "5"]


def test_on_a_telephone_fewer_are_numbered():
    plot = draw_plot([("甲", counts(*[1] * 50))], Measure.ENTRIES)

    bars = plot.strips[0].bars
    assert all(bar.number for bar in bars)
    assert 10 < sum(bar.is_numbered_narrow for bar in bars) < 25


def test_the_ground_is_told_apart_where_nothing_was_published():
    periods = [*counts(1), PeriodCount(Period(2001), 0, 0, 0), PeriodCount(Period(2002), 9, 0, 0)]

    plot = draw_plot([("甲", periods)], Measure.ENTRIES)

    assert [line.is_empty for line in plot.strips[0].stretches] == [False, True, False]
    assert plot.has_gaps


def test_of_many_years_fewer_are_named_and_fewest_on_a_telephone():
    plot = draw_plot([("甲", counts(*[1] * 40))], Measure.ENTRIES)

    assert sum(mark.is_named for mark in plot.years) == 20
    assert sum(mark.is_named_narrow for mark in plot.years) == 8


@pytest.mark.parametrize("measure", list(Measure))
def test_where_nothing_was_counted_nothing_is_drawn(measure):
    [strip] = draw_plot([("甲", counts(0, 0, published=0))], measure).strips

    assert strip.bars == ()
    assert draw_spark(counts(0, 0)) == ()


def test_a_spark_fills_its_height():
    assert [(bar.x, bar.height) for bar in draw_spark(counts(0, 2))] == [("58.000", 24)]


# ------------------------------------------------------------------------------ pinned by editors
def test_a_pinned_phrase_is_the_same_in_whatever_characters():
    pin("新質生產力")

    with pytest.raises(ValidationError, match="已有「新質生產力」"):
        PinnedPhrase(text="新质 生产力").full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        pin("新质生产力")


@pytest.mark.parametrize("text", ["。。", " ", "😀"])
def test_a_pinned_phrase_has_letters(text):
    with pytest.raises(ValidationError):
        PinnedPhrase(text=text).full_clean()


def test_pinned_phrases_come_in_their_order_with_first_year_and_entries():
    make_published({"lead": "甲"}, {"lead": "甲乙"}, date=date(2023, 1, 1))
    make_published({"lead": "乙"}, date=date(2021, 1, 1))
    pin("甲", position=2)
    pin("乙", position=1)

    pinned = list_pinned(Audience.PUBLIC)

    assert [(one.phrase.text, one.entries, one.first_year) for one in pinned] == [
        ("乙", 2, 2021),
        ("甲", 2, 2023),
    ]


def test_a_pinned_phrase_that_no_reader_could_find_is_not_shown(client):
    pin("密語", note="密語的說明")
    make_draft({"lead": "密語"})
    make_published({"lead": "密語"}, audience=Audience.MEMBERS, date=date(2026, 1, 1))

    assert list_pinned(Audience.PUBLIC) == []
    assert "密語" not in client.get("/phrases/").content.decode()
    assert "密語的說明" not in show(client, "密語").content.decode()


def test_the_note_stands_beside_the_history(client):
    make_published({"lead": "關稅。"})
    pin("關稅", note="去年起常見。")

    assert "去年起常見。" in show(client, "关税").content.decode()


def test_in_a_segment_or_not_the_index_counts_what_the_texts_have():
    texts = [
        "新質\n生產力",
        "新质生产力，新質生產力",
        "試試試，試試",
        "2023年，2023、年",
        "年年有餘年",
    ]
    make_published(*({"body": f"<p>{text}</p>"} for text in texts), {"headline": "新質"})
    phrases = ["新質生產力", "試試", "2023年", "年", "年年", "生產力、新质"]

    def count_all() -> list[tuple[int, int]]:
        histories = chain.from_iterable(trace(text) for text in phrases)
        return [(history.entries, history.occurrences) for history in histories]

    assert count_all() == [(2, 3), (1, 2), (1, 2), (2, 5), (1, 1), (1, 1)]
    make_all_segments()
    assert count_all() == [(2, 3), (1, 2), (1, 2), (2, 5), (1, 1), (1, 1)]


def test_an_entry_links_the_pinned_phrases_it_has(client):
    edition = make_published({"lead": "論关税。", "body": "<p>與配額。</p>"})
    for text in ("配額", "關稅", "北都"):
        pin(text)
    entry = edition.entries.get()

    page = client.get(entry.get_absolute_url()).content.decode()

    assert {phrase.text for phrase in find_pinned_in(entry)} == {"關稅", "配額"}
    assert make_address(["關稅"]) in page
    assert make_address(["北都"]) not in page


def test_search_results_lead_to_the_history_of_what_was_typed(client):
    make_published({"lead": "關稅與配額。"})

    page = client.get("/search/", {"q": "關稅 「配額」"}).content.decode()

    assert f'<a href="{make_address(["關稅", "配額"]).replace("&", "&amp;")}">這些提法' in page


@pytest.mark.parametrize("typed", ["", "沒有的"])
def test_a_search_without_result_offers_the_pinned_phrases(typed, client):
    make_published({"lead": "關稅。"})
    pin("關稅")

    assert make_address(["關稅"]) in client.get("/search/", {"q": typed}).content.decode()


def test_the_site_leads_to_the_phrases(client):
    assert '<a href="/phrases/">提法</a>' in client.get("/").content.decode()


def test_limits_agree():
    assert PinnedPhrase._meta.get_field("text").max_length == LONGEST_PHRASE
    assert len(read_phrases("甲乙丙丁戊").terms) == MOST_COMPARED
    assert trace("甲", unit=Unit.YEAR)[0].periods == ()
