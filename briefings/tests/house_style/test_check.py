"""Each rule on the least text that shows it, and what holds for all of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from briefings.house_style import Field, Finding, Glossary, Severity, Term, check_style
from briefings.house_style.blocks import pair_brackets, read_text
from briefings.html import clean_html

GLOSSARY = Glossary(
    (
        Term("強制性公積金計劃", wordings=("強積金", "MPF")),
        Term("香港特別行政區政府", wordings=("特區政府",), discouraged=("港府",)),
        Term(
            "維護國家安全條例", is_law=True, wordings=("國安條例",), discouraged=("二十三條條例",)
        ),
        Term("滙豐綫上理財"),
    )
)


def check(body: str = "", *, headline: str = "", lead: str = "") -> list[Finding]:
    return check_style(headline, lead, body, GLOSSARY)


def found(text: str, rule: str) -> list[tuple[str, tuple[str, ...]]]:
    findings = check(f"<p>{text}</p>")
    return [(one.quote, one.suggestions) for one in findings if one.rule == rule]


@pytest.mark.parametrize(
    ("text", "rule", "quote", "suggestion"),
    [
        ("中国的經濟", "simplified", "国", "國"),
        ("香港发布新战略", "simplified", "发布新战", "發布新戰"),
        ("在這裡", "variant", "裡", "裏"),
        ("隨著經濟", "variant", "著", "着"),
        ("路綫圖", "variant", "綫", "線"),
        ("看視頻學習", "foreign-word", "視頻", "影片"),
        ("提高軟體水平", "foreign-word", "軟體", "軟件"),
        ("出口上升,進口下跌", "half-width", ",", "，"),
        ("出口上升, 進口下跌", "half-width", ", ", "，"),
        ("何去何從?", "half-width", "?", "？"),
        ("出口上升.進口下跌", "half-width", ".", "。"),
        ("使用AI,進步", "half-width", ",", "，"),
        ("曲線(Curve)外移", "parentheses", "(", "（"),
        ("出口（上升)", "parentheses", ")", "）"),
        ("所謂“質變”的", "curly-quotes", "“", "「"),
        ("完了。。", "repeated", "。。", "。"),
        ("甲，，乙", "repeated", "，，", "，"),
        ("出口 上升", "spaces", " ", ""),
        ("AI  Lab", "spaces", "  ", " "),
        ("　　出口上升", "spaces", "　　", ""),
        ("出口--進口", "dash", "--", "——"),
        ("出口—進口", "dash", "—", "——"),
        ("等等...", "ellipsis", "...", "……"),
        ("等等。。。。", "ellipsis", "。。。。", "……"),
        ("等等…", "ellipsis", "…", "……"),
        ("２０２６年", "full-width", "２０２６", "2026"),
        ("３．５％的", "full-width", "３．５％", "3.5%"),
        ("港府表示", "discouraged", "港府", "香港特別行政區政府"),
        ("二十三條條例生效", "discouraged", "二十三條條例", "《維護國家安全條例》"),
        ("《二十三條條例》生效", "discouraged", "二十三條條例", "維護國家安全條例"),
        ("維護國家安全條例生效", "law-title", "維護國家安全條例", "《維護國家安全條例》"),
    ],
)
def test_it_finds_and_suggests(text, rule, quote, suggestion):
    assert suggestion in [
        other for one, suggestions in found(text, rule) if one == quote for other in suggestions
    ]


@pytest.mark.parametrize(
    ("text", "rule", "quote"),
    [
        ("「出口上升", "unbalanced", "「"),
        ("出口上升》", "unbalanced", "》"),
        ("「出口（上升」", "unbalanced", "（"),
        ("研究CBAM的影響", "abbreviation", "CBAM"),
        ('見<a href="https://example.com/">這裏</a>', "link-text", "這裏"),
        ('見<a href="https://example.com/">按此</a>', "link-text", "按此"),
        ('<a href="https://example.com/">Click here</a>', "link-text", "Click here"),
        (
            '<a href="https://example.com/">https://example.com/a</a>',
            "link-text",
            "https://example.com/a",
        ),
    ],
)
def test_it_finds_what_only_the_editor_can_mend(text, rule, quote):
    assert found(text, rule) == [(quote, ())]


@pytest.mark.parametrize(
    "text",
    [
        "出口上升，進口下跌；何去何從？",
        "他們說：「出口上升。」",
        "增長3.2%，達1,234億元，時間是10:30。",
        "詳見 https://example.com/a,b?c=d--e...f 的報告",
        "電郵至 info@example.com，或致電",
        "The WTO said, in short, that (as before) nothing changes...",
        "顯著、著名、土著、原著",
        "里昂證券",
        "高質量發展",
        "同比例增加",
        "滙豐綫上理財的客戶",
        "強積金（MPF）",
        "碳邊境調整機制（CBAM）的影響，CBAM收費",
        "GDP（本地生產總值）上升",
        "第二屆（II）",
        "《維護國家安全條例》生效",
        "國安條例生效",
        "然後——一切如常……",
        "香港的 5G 網絡",
        "「中国的視頻，裡面寫著港府」",
        "《臺灣關係法》",
        '詳見<a href="https://example.com/">施政報告全文</a>',
    ],
)
def test_it_leaves_alone(text):
    assert check(f"<p>{text}</p>") == []


def test_a_block_quotation_keeps_its_words_but_not_its_marks():
    findings = check("<blockquote><p>港府的視頻,裡面</p></blockquote>")

    assert [one.rule for one in findings] == ["half-width"]


def test_a_headline_may_part_its_halves_by_a_space():
    assert check(headline="初探新質生產力 求新求變") == []


def test_an_abbreviation_in_the_headline_may_be_explained_below():
    lead = "歐盟的碳邊境調整機制（CBAM）生效。"

    assert check(headline="CBAM來了", lead=lead) == []
    assert [one.field for one in check(headline="CBAM來了")] == [Field.HEADLINE]


def test_an_abbreviation_is_told_once_where_the_text_first_uses_it():
    findings = check("<p>CBAM和CBAM</p><p>CBAM</p>", headline="CBAM", lead="甲CBAM")

    assert [(one.field, one.start) for one in findings] == [(Field.LEAD, 1)]


def test_forms_without_a_first_are_held_to_the_more_frequent_one():
    assert found("公佈了，又公布，再公布", "variant") == [("公佈", ("公布",))]
    assert found("公佈了，又公佈", "variant") == []


def test_one_text_with_both_forms_weighs_more_than_one_with_the_other_form():
    [mixed] = check("<p>這裡。</p>", lead="那裏。")
    [consistent] = check("<p>這裡。</p>")

    assert (mixed.severity, consistent.severity) == (Severity.WARNING, Severity.SUGGESTION)


def test_where_a_simplified_character_stands_for_two_both_are_suggested():
    assert found("毛发", "simplified") == [("发", ("發", "髮"))]


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        ("<h2>甲</h2><h3>乙</h3><h4>丙</h4><h2>丁</h2>", []),
        ("<h3>甲</h3>", []),
        ("<h4>甲</h4>", ["heading-order"]),
        ("<h2>甲</h2><h4>乙</h4>", ["heading-order"]),
        ("<h2> </h2><p>乙</p>", ["empty-heading"]),
        ("<table><tr><th>甲</th></tr><tr><td>乙</td></tr></table>", []),
        ("<table><tr><td>甲</td></tr></table>", ["no-table-header"]),
    ],
)
def test_headings_are_in_order_and_tables_have_headers(body, rules):
    assert [one.rule for one in check(body)] == rules


PICTURE = f'src="/pictures/{"a" * 64}.png"'


@pytest.mark.parametrize(
    ("image", "places"),
    [
        (f'<img {PICTURE} alt="走勢圖">', []),
        (f'<img {PICTURE} alt="" role="presentation">', []),
        (f'<img {PICTURE} alt="">', [1]),
        (f'<img {PICTURE} alt=" ">', [1]),
    ],
)
def test_a_picture_has_words_or_only_decorates(image, places):
    body = f'<figure><img {PICTURE} alt="甲"></figure><figure>{image}</figure>'

    findings = check(body)

    assert [(one.rule, one.element, one.block) for one in findings] == [
        ("no-alternative-text", "picture", place) for place in places
    ]


def test_a_caption_is_checked_as_part_of_its_picture():
    body = f'<p>甲</p><figure><img {PICTURE} alt="乙"><figcaption>出口,進口</figcaption></figure>'

    [finding] = check(body)

    assert (finding.element, finding.block, finding.quote) == ("picture", 0, ",")


def test_a_notes_words_are_checked_by_themselves_and_count_as_one_character_around_it():
    note = '<span role="note">丁,戊<a href="https://a.b">己</a></span>'

    in_text, in_note = check(f"<p>甲<strong>乙{note}</strong>,丙</p>")

    assert (in_text.element, in_text.block, in_text.start) == ("", 0, 3)
    assert (in_note.element, in_note.block, in_note.start) == ("note", 0, 1)


def test_blocks_are_counted_as_the_editor_counts_them():
    body = (
        "<p>一</p><p></p><p>二<br>三</p><ul><li><p>四</p><ul><li>五</li></ul></li></ul>"
        "<h2></h2><blockquote><p>六</p></blockquote><table><tr><th>七</th><td><p>八</p></td></tr></table>"
    )

    blocks = read_text("", "", clean_html(body)).blocks

    assert [block.text for block in blocks] == ["一", "二\n三", "四", "五", "", "六", "七", "八"]
    assert [block.number for block in blocks] == list(range(8))
    assert [block.is_quotation for block in blocks].index(True) == 5


def test_a_place_counts_characters_past_mark_up_and_entities():
    [finding] = check("<p>甲<strong>𠮷&amp;</strong>乙,丙</p>")

    assert (finding.block, finding.start, finding.quote) == (0, 4, ",")


def test_the_gravest_of_all_is_not_hidden_by_the_order_of_the_text():
    findings = check("<p>乙,</p>", headline="甲,丙", lead="丁,戊")

    assert [one.field for one in findings] == [Field.HEADLINE, Field.LEAD, Field.BODY]


def test_brackets_are_paired_by_kind():
    pairs = pair_brackets("「（」)")

    assert [(pair.opening, pair.closing) for pair in pairs] == [(0, 2), (1, None), (None, 3)]


# ------------------------------------------------------------------------- what holds for all
PIECES = [
    *"中国发裡裏著𠮷aA1２@& \u3000\n\u00a0,，.。…-—()（）「」“”《》?！",
    *("著名", "公布", "公佈", "視頻", "港府", "特區政府", "GDP", "維護國家安全條例"),
    *("https://a.b/", "..."),
]
plain = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
anything = st.one_of(plain, st.text(max_size=60))
TAGS = [
    *("<p>", "</p>", "<h2>", "</h2>", "<h4>", "<li>", "<ul>", "<br>", "<td>", "<table>"),
    *("<blockquote>", "<a href='https://a.b'>", "</a>"),
    *('<span role="note">', "</span>"),
]
mark_up = st.lists(st.one_of(st.sampled_from(TAGS), plain)).map("".join)


@settings(deadline=None)
@given(anything, anything, st.one_of(mark_up, anything))
def test_every_place_reads_as_quoted(headline, lead, body):
    text = read_text(headline, lead, clean_html(body))
    blocks = {(block.field, block.element, block.number): block.text for block in text.blocks}

    for one in check_style(headline, lead, body, GLOSSARY):
        if (one.field, one.element, one.block) in blocks:
            block = blocks[one.field, one.element, one.block]
            assert block[one.start : one.end] == one.quote
        else:
            assert (one.element, one.quote) in {("table", ""), ("picture", "")}


@settings(deadline=None)
@given(anything)
def test_taking_a_suggestion_settles_that_finding(lead):
    for one in check(lead=lead):
        for suggestion in one.suggestions:
            mended = lead[: one.start] + suggestion + lead[one.end :]

            assert not any(
                (other.rule, other.start, other.quote) == (one.rule, one.start, one.quote)
                for other in check(lead=mended)
            )


ENDLESS = ["中国", " ", "-", ".", "（", "A", "a.", "０．", ", ", "中. ", "发a", "「」"]


@pytest.mark.parametrize("piece", [*ENDLESS, "<p>发</p>", "<blockquote>", "<h4></h4>"])
def test_an_endless_text_takes_a_second_and_not_a_day(piece):
    """With a pattern that tries again from each place, so many characters take hours."""
    text = piece * (100_000 // len(piece))

    assert len(check_style("", "", text, GLOSSARY)) <= len(text)
