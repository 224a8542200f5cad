"""Writing an entry in a real browser: pasting, figures, tables, choosing names."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from briefings.html import clean_html, to_text
from briefings.models import Author, Entry, Picture, Theme, ThemeAlias
from briefings.tests.images import SVG, make_image
from briefings.tests.makers import make_entry, make_figure, make_picture

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]

SPECIMENS = Path(__file__).with_name("paste")
PASTE = """({html, text, file}) => {
  const data = new DataTransfer()
  if (html) data.setData("text/html", html)
  if (text) data.setData("text/plain", text)
  if (file) data.items.add(new File([new Uint8Array(file)], "image.png", {type: "image/png"}))
  const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
  document.querySelector("#id_body").closest(".prose-editor").querySelector(".ProseMirror")
    .dispatchEvent(event)
}"""

# What is stored of each specimen.
PASTED = {
    "word_nested_list": (
        "<p>當局提出以下安排<strong>，分階段</strong>推行：</p>"
        "<ol><li><p>設立園區公司；</p><ul><li><p>由政府全資擁有</p></li><li><p>董事局包括CMA代表</p>"
        "<ol><li><p>任期三年</p></li></ol></li></ul></li><li><p>撥地<s>一百</s>二百公頃。</p></li></ol>"
        "<p>業界關注兩點：</p><ul><li><p>地價；</p></li><li><p>跨境交通。</p></li></ul>"
    ),
    "word_headings_footnotes": (
        "<h2>職業教育的出路</h2><h2>一、背景</h2>"
        '<p>去年約有三成學生修讀職業課程<span role="note">教育局，《學生人數統計》，'
        "二〇二五年。</span>，較前年<strong>上升</strong>。詳見"
        '<a href="https://www.edb.gov.hk/tc/" rel="noopener noreferrer">教育局網頁</a>。</p>'
        "<h3>（一）數字</h3><h4>分區情況</h4><p><em>新界</em>最多，達 10<sup>4</sup> 人"
        '<span role="note">不包括夜校。</span>。</p>'
    ),
    "word_table": (
        '<table><tbody><tr><th scope="col"><p><strong>年度</strong></p></th>'
        '<th colspan="2" scope="col"><p>學額（個）</p></th></tr>'
        '<tr><td rowspan="2"><p>2024/25</p></td><td><p>港島</p>'
        "</td><td><p>3,200</p></td></tr><tr><td>"
        "<p>九龍</p></td><td><p>4,100</p></td></tr></tbody></table>"
        "<p>資料來源：教育局</p>"
    ),
    "word_online_list": (
        "<p>措施有二：</p><ul><li><p>減稅</p><ul><li><p>利得稅</p></li></ul></li>"
        "<li><p>資助</p></li></ul>"
    ),
    "google_docs": (
        "<h2>物流業的轉型</h2><p>本港物流業<strong>面對</strong><em>競爭</em><sup>註</sup>，"
        '<a href="https://www.td.gov.hk/tc/" rel="noopener noreferrer">運輸署</a>已有計劃。</p>'
        "<ul><li><p>空運</p><ul><li><p>機場三跑</p></li></ul></li><li><p>海運</p></li></ul>"
        "<ol><li><p>先做評估</p></li></ol><p><s>舊句</s><u>新句</u></p>"
    ),
    "web_page": (
        "<h2>工商界回應</h2><p>商會<strong>歡迎</strong>有關措施，<br>但認為步伐可以更快。</p>"
        '<p>第二段由<a href="https://example.org/a?b=1&amp;c=2" rel="noopener noreferrer">報告</a>'
        "說起，按此或站內頁可閱。</p><p>圖：記者會現場</p>"
        "<ul><li><p>其一</p><ul><li><p>之一</p></li></ul></li><li><p>其二</p></li></ul>"
        "<blockquote><p>「時機最要緊。」</p></blockquote><p>末段不斜。</p><h4>附註</h4><p>完</p>"
    ),
    "fake_list": (
        "<p>建議如下</p><ul><li><p>第一點</p></li><li><p>第二點</p></li></ul>"
        "<ol><li><p>甲</p></li><li><p>乙</p></li></ol>"
        "<p>3.5 個百分點的增幅不屬清單。</p><p>2025. 年份亦不是。</p>"
    ),
}
# What a specimen shows that is not the text: markers of lists and notes, comments, buttons.
NOT_TEXT = {
    "word_nested_list": ["1.", "§", "a)", "2.", "·"],
    "word_headings_footnotes": ["[1]", "[2]", "[陳1]", "請核對數字"],
    "web_page": ["分享", "[3]"],
    "fake_list": ["·", "1.\u00a0", "2.\u00a0"],
}


@pytest.fixture
def form(desk, live_server) -> Page:
    """An entry's form, open and new; what the browser complains of fails the test.

    Its tools are pressed by key: the tool bar floats once the page is scrolled, as it is to reach
    them, and on a slow machine a button moves under the pointer between press and release.
    """
    complaints: list[str] = []
    desk.on("pageerror", lambda error: complaints.append(str(error)))
    desk.on("console", lambda line: line.type == "error" and complaints.append(line.text))
    desk.goto(f"{live_server.url}/admin/briefings/entry/add/")
    expect(desk.locator(".field-body .ProseMirror")).to_be_visible()
    yield desk
    # A refused picture is an answer with a status of 400.
    assert [line for line in complaints if "400 (Bad Request)" not in line] == []


def read_body(page: Page) -> str:
    """As it will be stored."""
    return clean_html(page.locator("#id_body").input_value())


def letters(text: str) -> str:
    return re.sub(r"\s", "", text)


class Shown(HTMLParser):
    """The text of a page, as far as it is text."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.hidden = False

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.hidden = tag in ("style", "script") or self.hidden

    def handle_endtag(self, tag: str) -> None:
        self.hidden = self.hidden and tag not in ("style", "script")

    def handle_data(self, data: str) -> None:
        self.text += "" if self.hidden else data


def read_source(html: str, name: str) -> str:
    """What a reader sees of a specimen, without what NOT_TEXT names."""
    shown = Shown()
    shown.feed(html)
    text = shown.text
    for word in NOT_TEXT.get(name, []):
        text = text.replace(word, "")
    return letters(text)


def test_what_is_pasted_comes_out_clean_and_whole(form):
    """Each specimen in its turn: logging in and opening the form takes longer than pasting."""
    for name, stored in PASTED.items():
        html = (SPECIMENS / f"{name}.html").read_text()
        form.evaluate("() => document.querySelector('.ProseMirror').editor.commands.clearContent()")

        form.evaluate(PASTE, {"html": html})

        assert read_body(form) == stored, name
        shown, kept = read_source(html, name), letters(to_text(stored))
        # A footnote's words are the only ones that move.
        assert sorted(kept) == sorted(shown) if "note" in name else kept == shown, name


def test_pasted_text_keeps_its_lists_and_its_missing_pictures_are_told(form):
    form.evaluate(PASTE, {"text": "措施：\n• 減稅\n• 資助\n\n1. 先\n2. 後\n完"})
    assert read_body(form) == (
        "<p>措施：</p><ul><li><p>減稅</p></li><li><p>資助</p></li></ul>"
        "<ol><li><p>先</p></li><li><p>後</p></li></ol><p>完</p>"
    )

    html = (SPECIMENS / "word_headings_footnotes.html").read_text()
    form.evaluate(PASTE, {"html": html.replace('href="#_ftnref2"', "")})
    notice = form.locator(".paste-notice")
    expect(notice).to_contain_text("有1張圖片沒有貼上")
    expect(notice).to_contain_text("註腳的文字已放到最後")
    notice.get_by_role("button", name="知道了").click()
    expect(notice).to_have_count(0)


def test_a_figure_is_handed_in_described_and_changed(form, tmp_path):
    (tmp_path / "圖.png").write_bytes(SVG)
    form.get_by_label("標題：", exact=True).fill("有圖的一篇")

    form.get_by_role("button", name="加入或修改圖片").press("Enter")
    dialog = form.get_by_role("dialog", name="加入圖片")
    dialog.get_by_label("上載圖片").set_input_files(tmp_path / "圖.png")
    dialog.get_by_role("button", name="加入").click()
    expect(dialog.get_by_role("alert")).to_contain_text("請填寫替代文字")
    dialog.get_by_label("替代文字", exact=True).fill("人口上升的折線圖")
    dialog.get_by_role("button", name="加入").click()
    expect(dialog.get_by_role("alert")).to_contain_text("SVG")
    (tmp_path / "圖.png").write_bytes(make_image())
    dialog.get_by_label("上載圖片").set_input_files(tmp_path / "圖.png")
    dialog.get_by_label("圖片說明").fill("圖一：人口")
    dialog.get_by_role("button", name="加入").click()
    expect(dialog).to_have_count(0)
    form.get_by_role("button", name="修改圖片", exact=True).focus()
    form.keyboard.press("Enter")
    changing = form.get_by_role("dialog", name="修改圖片")
    changing.get_by_label("圖片說明").fill("圖一：人口推算")
    changing.get_by_role("button", name="確定").click()
    form.get_by_role("button", name="儲存", exact=True).click()
    expect(form.locator(".messagelist")).to_contain_text("有圖的一篇")

    picture = Picture.objects.get()
    assert Entry.objects.get().body == make_figure(picture, "人口上升的折線圖", "圖一：人口推算")


def test_a_note_is_written_changed_and_taken_away_by_key(form):
    form.get_by_label("標題：", exact=True).fill("有註腳的一篇")
    form.locator(".field-body .ProseMirror").click()
    form.keyboard.type("業界歡迎。")
    for _ in range(3):
        form.keyboard.press("ArrowLeft")

    form.get_by_role("button", name="加入或修改註腳").press("Enter")
    adding = form.get_by_role("dialog", name="加入註腳")
    expect(adding.get_by_label("註腳文字")).to_be_focused()
    form.keyboard.type("見https://example.org/a，第2頁。")
    form.keyboard.press("Enter")
    expect(adding).to_have_count(0)
    form.keyboard.type("熱烈")
    link = '<a href="https://example.org/a" rel="noopener noreferrer">https://example.org/a</a>'
    assert read_body(form) == (f'<p>業界<span role="note">見{link}，第2頁。</span>熱烈歡迎。</p>')

    for _ in range(3):
        form.keyboard.press("ArrowLeft")
        # The editor hears a little later where the browser has put the caret.
        form.evaluate("() => new Promise((heard) => setTimeout(heard, 50))")
    expect(form.locator(".prose-note-text")).to_be_visible()
    form.keyboard.press("Enter")
    changing = form.get_by_role("dialog", name="修改註腳")
    changing.get_by_label("註腳文字").fill("另見https://example.org/a，第3頁。")
    changing.get_by_role("button", name="確定").click()
    stored = f'<p>業界<span role="note">另見{link}，第3頁。</span>熱烈歡迎。</p>'
    assert read_body(form) == stored
    form.get_by_role("button", name="儲存並繼續編輯").click()
    expect(form.locator(".messagelist")).to_contain_text("有註腳的一篇")
    assert Entry.objects.get().body == stored

    form.locator(".prose-note").click()
    form.get_by_role("dialog", name="修改註腳").get_by_label("註腳文字").fill(" ")
    form.keyboard.press("Enter")
    assert read_body(form) == "<p>業界熱烈歡迎。</p>"


def test_a_pasted_image_is_asked_about_and_one_of_the_library_is_found(form, settings):
    form.evaluate(PASTE, {"file": list(make_image("JPEG"))})
    dialog = form.get_by_role("dialog", name="加入圖片")
    dialog.get_by_label("純裝飾").check()
    dialog.get_by_role("button", name="加入").click()
    expect(form.locator(".prose-figure img")).to_have_attribute("src", re.compile("^/pictures/"))
    assert 'alt="" role="presentation"' in read_body(form)

    kept = make_picture(alternative="舊圖", caption="說明")
    form.locator(".ProseMirror").press("Control+End")
    form.keyboard.press("ArrowDown")
    form.get_by_role("button", name="加入或修改圖片").press("Enter")
    choice = form.get_by_role("dialog")
    if choice.get_by_role("heading").inner_text() == "修改圖片":
        choice.get_by_role("button", name="取消").click()
        pytest.fail("the figure is still selected")
    choice.get_by_role("radio", name="說明").check()
    expect(choice.get_by_label("替代文字", exact=True)).to_have_value("舊圖")
    choice.get_by_role("button", name="加入").click()
    assert make_figure(kept, "舊圖", "說明") in read_body(form)


def test_a_table_keeps_its_caption_and_its_headers(form, live_server):
    form.get_by_role("button", name="插入表格").press("Enter")
    dialog = form.locator("dialog[open]")
    dialog.get_by_label("列數").fill("2")
    dialog.get_by_label("欄數").fill("2")
    dialog.get_by_label("首欄是標題").check()
    dialog.get_by_label("表格標題").fill("表一")
    dialog.get_by_role("button", name="插入").click()
    body = read_body(form)

    assert body.startswith("<table><caption>表一</caption><tbody><tr><th")
    assert body.count('scope="col"') == 2
    assert body.count('scope="row"') == 1

    entry = make_entry(body=body)
    form.goto(f"{live_server.url}/admin/briefings/entry/{entry.pk}/change/")
    expect(form.locator(".field-body caption")).to_have_text("表一")
    form.locator(".field-body td").click()
    form.keyboard.type("值")
    assert read_body(form) == body.replace("<td><p></p>", "<td><p>值</p>")


def test_an_existing_name_is_taken_by_enter_and_a_new_one_is_asked_about(form):
    theme = Theme.objects.create(name="北部都會區")
    ThemeAlias.objects.create(theme=theme, name="NM")
    questions: list[str] = []
    form.on("dialog", lambda dialog: (questions.append(dialog.message), dialog.accept()))
    picker = form.locator(".field-themes")

    picker.get_by_role("searchbox", name="政策主題").click()
    form.keyboard.type("北部都")
    expect(form.get_by_role("option", name="新增政策主題「北部都」")).to_be_visible()
    form.keyboard.press("Enter")
    expect(picker.locator(".select2-selection__choice")).to_have_count(1)
    assert not questions
    form.keyboard.type("氫能")
    expect(form.get_by_role("option", name="新增政策主題「氫能」")).to_be_visible()
    form.keyboard.press("Enter")
    expect(picker.locator(".select2-selection__choice")).to_have_count(2)

    assert questions == ["「氫能」是新的政策主題。確定新增？"]
    assert list(Theme.objects.values_list("name", flat=True)) == ["北部都會區", "氫能"]


def test_authors_and_sources_are_added_and_ordered_by_key(form):
    Author.objects.create(name="甲")
    form.get_by_label("標題：", exact=True).fill("題")

    form.locator("#sources-group").get_by_role("button", name=re.compile("新增")).click()
    form.keyboard.type("第二份")
    form.locator("#sources-group").get_by_role("button", name=re.compile("新增")).click()
    form.keyboard.type("第一份")
    form.get_by_role("button", name="上移第2個題目").focus()
    form.keyboard.press("Enter")
    form.locator("#bylines-group").get_by_role("button", name=re.compile("新增")).click()
    form.keyboard.press("Enter")
    form.keyboard.type("甲")
    form.get_by_role("option", name="甲", exact=True).click()
    form.get_by_role("button", name="儲存", exact=True).click()
    expect(form.locator(".messagelist")).to_contain_text("「題」")

    entry = Entry.objects.get()
    assert [source.title for source in entry.sources.all()] == ["第一份", "第二份"]
    assert entry.bylines.get().author.name == "甲"


def test_the_lead_is_counted(form):
    form.get_by_label("導言：").fill("政府公布計劃。 \n" * 10)

    expect(form.locator(".count")).to_have_text("70 字")
    expect(form.locator(".field-lead [role=status]")).to_have_text("導言 70 字")
