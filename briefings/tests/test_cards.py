"""The image that other sites show beside a link."""

from io import BytesIO

import pytest
from django.core.cache import cache
from django.core.files.storage import default_storage
from PIL import Image

from briefings import cards
from briefings.models import Audience, Entry, Publication
from briefings.publishing import withdraw_edition
from briefings.tasks import draw_cards, draw_general_card
from briefings.tests.makers import make_published
from briefings.tests.test_corrections import correct

FACE = cards.CardFace("香港中華廠商聯合會　政策研究部", "政策短評", "東盟3.0簽署一年", "第8期")


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    cache.clear()


def read(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content)).convert("RGB")


def address(entry: Entry) -> str:
    return cards.card_url(entry, Publication.load())


def ask(client, url: str):
    return client.get(url.removeprefix("http://testserver").split("8000", 1)[-1])


# ------------------------------------------------------------------------------------ the drawing
def test_a_card_is_of_the_size_that_sites_cut_to():
    drawn = cards.draw(FACE)

    assert read(drawn).size == (1200, 630)
    assert len(drawn) < 100_000


def test_the_same_words_give_the_same_bytes():
    assert cards.draw(FACE) == cards.draw(FACE)


def find_ink(
    image: Image.Image, box: tuple[int, int, int, int]
) -> tuple[int, int, int, int] | None:
    """The bounds of what isn't paper."""
    grey = image.crop(box).convert("L").point(lambda value: 255 if value < 128 else 0)
    return grey.getbbox()


@pytest.mark.parametrize(
    "headline",
    [
        "短",
        "「一帶一路」走進第二個十年，規則聯通漸漸取代工程成為主角，廠商如何把握機遇？",
        "長" * 120,
        "W" * 120,
        "The Policy Address: " * 6,
    ],
)
def test_the_headline_stays_within_its_field(headline):
    image = read(cards.draw(cards.CardFace("機構", "刊名", headline, "第8期")))

    left, _, right, _ = find_ink(image, (0, 190, 1200, 530))
    assert left >= 60
    assert right <= 1200 - 70
    assert find_ink(image, (0, 190, 1200, 200)) is None
    assert find_ink(image, (0, 515, 1200, 530)) is None


@pytest.mark.parametrize("headline", ["", "\U0001f600", "\u202e\u200b"])
def test_a_headline_without_a_printable_character_is_no_fault(headline):
    assert cards.draw(cards.CardFace("機構", "刊名", headline, ""))


# ---------------------------------------------------------------------------------------- the page
@pytest.fixture
def entry(db) -> Entry:
    return make_published({"headline": "甲題", "lead": "導言"}, number=8).entries.get()


def test_an_entrys_page_names_its_card(entry, client):
    page = client.get(entry.get_absolute_url()).text

    assert f'<meta property="og:image" content="{address(entry)}">' in page
    assert '<meta name="twitter:card" content="summary_large_image">' in page


@pytest.mark.django_db
def test_other_pages_name_the_publications(client):
    url = cards.general_card_url(Publication.load())

    assert f'<meta property="og:image" content="{url}">' in client.get("/").text


def test_a_card_is_served_as_drawn_and_kept_for_long(entry, client):
    draw_cards(entry.edition_id)

    answer = ask(client, address(entry))

    assert answer["Content-Type"] == "image/png"
    assert "max-age=604800" in answer["Cache-Control"]
    assert read(b"".join(answer)).size == (1200, 630)


def test_who_has_it_is_told_that_it_is_the_same(entry, client):
    draw_cards(entry.edition_id)
    path = address(entry).split("8000", 1)[-1]
    etag = client.get(path)["ETag"]

    assert client.get(path, headers={"if-none-match": etag}).status_code == 304


def test_until_it_is_drawn_the_publications_stands_in_and_a_worker_is_woken(
    entry, client, monkeypatch
):
    woken = []
    monkeypatch.setattr(cards, "wake_for_reader", woken.append)

    answer = ask(client, address(entry))

    assert answer["Location"] == cards.general_card_url(Publication.load())
    assert answer["Cache-Control"] == "no-store"
    assert woken == [entry.edition_id]


def test_no_reader_waits_for_a_drawing(entry, client, monkeypatch):
    monkeypatch.setattr(cards, "wake_for_reader", lambda edition_id: None)
    monkeypatch.setattr(cards, "draw", lambda face: pytest.fail("drawn for a reader"))

    assert ask(client, address(entry)).status_code == 302


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_many_readers_wake_a_worker_once(monkeypatch):
    asked = []
    monkeypatch.setattr("briefings.cards.signature", lambda name, args: Waking(name, asked))

    for _ in range(3):
        cards.wake_for_reader(8)

    assert asked == ["briefings.tasks.draw_cards"]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_reader_is_answered_though_the_broker_is_away(monkeypatch, caplog):
    monkeypatch.setattr("briefings.cards.signature", lambda name, args: Broken())

    cards.wake_for_reader(8)

    assert "no broker" in caplog.text


class Broken:
    def apply_async(self) -> None:
        raise OSError("no broker")


class Waking:
    def __init__(self, name: str, asked: list[str]) -> None:
        self.name, self.asked = name, asked

    def apply_async(self) -> None:
        self.asked.append(self.name)


@pytest.mark.parametrize(
    ("english_name", "foot"), [("Policy Notes", "Policy Notes"), ("", "news.example")]
)
def test_the_publications_card_says_where_it_is(english_name, foot, settings):
    settings.SITE_URL = "https://news.example"
    publication = Publication(name="政策短評", english_name=english_name)

    assert cards.describe_general_card(publication).foot == foot


@pytest.mark.django_db
def test_the_publications_card_is_served(client):
    draw_general_card()

    answer = ask(client, cards.general_card_url(Publication.load()))

    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"


def test_an_older_address_leads_to_the_card_of_today(entry, client):
    draw_cards(entry.edition_id)
    before = address(entry)
    correct(entry, headline="改題")
    entry.refresh_from_db()

    assert before != address(entry)
    assert ask(client, before)["Location"] == address(entry)


def test_of_each_entry_one_card_is_kept(entry):
    draw_cards(entry.edition_id)
    correct(entry, headline="改題")

    draw_cards(entry.edition_id)
    draw_cards(entry.edition_id)

    assert len(default_storage.listdir(f"cards/{entry.pk}")[1]) == 1


@pytest.mark.django_db
def test_there_is_no_card_of_what_the_public_may_not_read(client):
    closed = make_published({"headline": "甲題"}, audience=Audience.MEMBERS).entries.get()
    withdrawn = make_published({"headline": "乙題"}).entries.get()
    for entry in (closed, withdrawn):
        draw_cards(entry.edition_id)
    withdraw_edition(withdrawn.edition)

    assert ask(client, address(closed)).status_code == 404
    assert ask(client, address(withdrawn)).status_code == 410


def test_publishing_has_the_cards_drawn(django_capture_on_commit_callbacks, db, monkeypatch):
    asked = []
    monkeypatch.setattr("briefings.cards.signature", lambda name, args: Waking(name, asked))

    with django_capture_on_commit_callbacks(execute=True):
        make_published()

    assert asked == ["briefings.tasks.draw_cards"]
