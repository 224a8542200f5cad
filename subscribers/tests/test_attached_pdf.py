"""The edition's PDF in the mail of those who want it, as a relay gets it."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pypdf import PdfReader

from briefings import printing
from briefings.models import Printout
from briefings.pdf import PDFRefused
from briefings.publishing import withdraw_edition
from briefings.tests.makers import make_published
from subscribers import attachments
from subscribers.attachments import PATIENCE
from subscribers.delivery import send_chunk
from subscribers.links import Purpose, make_token, make_url
from subscribers.messages import make_message_id
from subscribers.models import (
    AttachedPDF,
    AttachmentState,
    Delivery,
    DeliveryState,
    DigestKind,
    MailingState,
    Member,
    NoticeLanguage,
    Script,
)
from subscribers.opening import open_mailing
from subscribers.sweeping import sweep
from subscribers.tasks import print_attached_pdf
from subscribers.tests.makers import VARIANT, make_member, read_message, take

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\r\n\r\n\x00\xff\nnot all of it is text\r%%EOF\n"


class Printer:
    """In the place of the press: keeps what it was to print, and prints the same each time."""

    def __init__(self) -> None:
        self.printed: list[str] = []
        self.refusal = ""

    def __call__(self, document, *, seconds, patience, on_pages) -> bytes:
        if self.refusal:
            raise PDFRefused(self.refusal)
        self.printed.append(document.html)
        return PDF


@pytest.fixture
def printer(monkeypatch) -> Printer:
    printer = Printer()
    monkeypatch.setattr(printing, "print_document", printer)
    return printer


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture(autouse=True)
def asked(monkeypatch) -> list[int]:
    """The mailings whose PDF a worker was asked for; the broker's place is taken."""
    queued: list[int] = []

    def queue(args, kwargs=None, **options):
        queued.extend(args)

    monkeypatch.setattr(print_attached_pdf, "apply_async", queue)
    return queued


@pytest.fixture
def edition():
    return make_published({"headline": "新質生產力"}, number=7)


def open_with_pdf(edition, *others, **member):
    """A mailing of which the first copy is to bring the PDF."""
    make_member(wants_pdf=True, **member)
    for fields in others:
        make_member(**fields)
    return open_mailing(edition, by=None)


def open_mailing_of(edition):
    make_member()
    return open_mailing(edition, by=None)


def send_all(mailing):
    ids = list(mailing.deliveries.order_by("pk").values_list("pk", flat=True))
    send_chunk(mailing.pk, ids[0], ids[-1])


def states(mailing):
    return list(mailing.deliveries.order_by("pk").values_list("state", flat=True))


def find_pdfs(source) -> list[bytes]:
    return [part.get_content() for part in read_message(source).iter_attachments()]


def read_text(source) -> str:
    return read_message(source).get_body(("plain",)).get_content()


# ------------------------------------------------------------------------------------ the mail


def test_who_wants_it_gets_the_edition_printed_and_nobody_else(relay, edition):
    mailing = open_with_pdf(edition, {"wants_pdf": True}, {})

    print_attached_pdf(mailing.pk)
    send_all(mailing)

    first, second, without = (find_pdfs(source) for _, source in relay.accepted)
    assert "新質生產力" in PdfReader(BytesIO(first[0])).pages[0].extract_text()
    assert first == second
    assert len(first) == 1
    assert without == []


def test_it_stands_beside_text_and_html(relay, edition, printer):
    mailing = open_with_pdf(edition)
    print_attached_pdf(mailing.pk)
    send_all(mailing)

    ((_, source),) = relay.accepted
    message = read_message(source)
    body, pdf = message.iter_parts()
    assert message.get_content_type() == "multipart/mixed"
    assert body.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in body.iter_parts()] == ["text/plain", "text/html"]
    assert pdf.get_content_type() == "application/pdf"
    assert pdf["Content-Transfer-Encoding"] == "base64"
    assert pdf["Content-Disposition"] == 'attachment; filename="2026-11-20.pdf"'
    assert pdf.get_content() == PDF
    assert max(map(len, source.split(b"\r\n"))) <= 998
    assert source.isascii()


def test_a_boundary_is_no_beginning_of_another(relay, edition, printer):
    """RFC 2046, 5.1.1: else a part would end where one within it begins."""
    mailing = open_with_pdf(edition)
    print_attached_pdf(mailing.pk)
    send_all(mailing)

    ((_, source),) = relay.accepted
    outer, inner = (
        part.get_boundary() for part in read_message(source).walk() if part.is_multipart()
    )
    assert not outer.startswith(inner)
    assert not inner.startswith(outer)


def test_a_copy_that_is_sent_again_is_the_same(relay, edition, printer, settings):
    settings.UNKNOWN_DELIVERIES = "resend"
    mailing = open_with_pdf(edition)
    print_attached_pdf(mailing.pk)
    relay.on_data = lambda address: "hang up"
    send_all(mailing)
    default_storage.delete(Printout.objects.get().name)  # as one may
    relay.on_data = lambda address: None
    Delivery.objects.update(not_before=timezone.now())

    send_all(mailing)

    (_, first), (_, second) = relay.accepted
    assert first == second
    assert find_pdfs(second) == [PDF]
    assert read_message(second)["Message-ID"] == make_message_id(Delivery.objects.get().pk, mailing)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ({}, "隨信附上這一期的PDF（0.1 MB）。"),
        ({"script": Script.SIMPLIFIED}, "随信附上这一期的PDF（0.1 MB）。"),
        ({"notice_language": NoticeLanguage.ENGLISH}, "The PDF is attached (0.1 MB)."),
    ],
)
def test_the_mail_says_so(member, words, relay, edition, printer):
    mailing = open_with_pdf(edition, {}, **member)

    print_attached_pdf(mailing.pk)
    send_all(mailing)

    (_, source), (_, without) = relay.accepted
    html = read_message(source).get_body(("html",)).get_content()
    assert words in read_text(source)
    assert words in html
    assert "[[" not in read_text(source) + html
    assert "附上" not in read_text(without)


def test_the_page_of_the_mail_says_it_too(client, edition, printer):
    mailing = open_with_pdf(edition)
    print_attached_pdf(mailing.pk)

    page = client.get(make_url(Purpose.MAIL, mailing.deliveries.get().pk))

    assert "隨信附上這一期的PDF" in page.text
    assert "[[" not in page.text


def test_a_digest_brings_none_and_is_one_for_all():
    """It is of several editions."""
    member = make_member(wants_pdf=True)

    assert [member.variant_of(kind) for kind in DigestKind] == [member.variant] * 2
    assert not member.variant.with_pdf


def test_a_mailing_without_anybody_who_wants_it_has_none(edition):
    make_member()

    open_mailing(edition, by=None)

    assert not AttachedPDF.objects.exists()


# ------------------------------------------------------------------------------ while it is made


def test_copies_wait_for_it_and_the_others_do_not(relay, edition):
    mailing = open_with_pdf(edition, {})

    send_all(mailing)

    mailing.refresh_from_db()
    assert states(mailing) == [DeliveryState.QUEUED, DeliveryState.SENT]
    assert mailing.deliveries.order_by("pk").first().attempts == 0
    assert mailing.state == MailingState.SENDING


def test_a_copy_that_waits_cannot_be_claimed(edition):
    mailing = open_with_pdf(edition)

    assert not take(mailing.deliveries.get(), timezone.now())


def test_a_worker_is_asked_after_commit_and_by_each_sweep(
    edition, asked, woken, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        mailing = open_with_pdf(edition)
        assert asked == []

    sweep(timezone.now())

    assert asked == [mailing.pk] * 2
    assert woken == []


def test_when_it_is_there_the_copies_are_woken(edition, printer, woken):
    mailing = open_with_pdf(edition)

    print_attached_pdf(mailing.pk)

    delivery = mailing.deliveries.get()
    assert woken == [(mailing.pk, delivery.pk, delivery.pk)]
    assert take(delivery, timezone.now())


def test_printing_again_prints_nothing_and_wakes_nobody(edition, printer, woken):
    mailing = open_with_pdf(edition)

    for _ in range(2):
        print_attached_pdf(mailing.pk)

    assert len(printer.printed) == len(woken) == 1


def test_one_that_readers_have_is_not_printed_anew(edition, printer):
    printing.build(printing.make_order(edition))
    mailing = open_with_pdf(edition)

    print_attached_pdf(mailing.pk)

    assert len(printer.printed) == 1
    assert AttachedPDF.objects.get().is_attached


def test_it_is_of_the_text_that_was_mailed_though_corrected_since(edition, printer):
    mailing = open_with_pdf(edition)
    entry = edition.entries.get()
    entry.headline = "改了的題目"
    entry.save()
    waiting = printing.ask_for(printing.make_order(edition))  # a reader, for the text of now

    print_attached_pdf(mailing.pk)

    (html,) = printer.printed
    assert "新質生產力" in html
    assert "改了的題目" not in html
    assert Printout.objects.filter(pk=waiting.pk).exists()


def test_of_a_withdrawn_edition_nothing_is_sent(relay, edition, printer):
    mailing = open_with_pdf(edition)
    withdraw_edition(edition)

    print_attached_pdf(mailing.pk)
    send_all(mailing)

    assert relay.accepted == []
    assert states(mailing) == [DeliveryState.SKIPPED]


# ----------------------------------------------------------------------------- when there is none


def test_a_press_that_fails_lets_them_go_with_the_link_in_the_end(relay, edition, printer, woken):
    printer.refusal = "字型沒有以下字元：𠮷"
    mailing = open_with_pdf(edition)
    print_attached_pdf(mailing.pk)
    pdf = AttachedPDF.objects.get()

    sweep(pdf.tried_at + PATIENCE - timedelta(seconds=1))
    assert woken == []
    sweep(pdf.tried_at + PATIENCE)
    send_all(mailing)

    ((_, source),) = relay.accepted
    pdf.refresh_from_db()
    assert woken
    assert find_pdfs(source) == []
    assert "這一期的PDF未能附上；請按下面的「下載PDF」。" in read_text(source)
    assert f"{edition.get_absolute_url().rstrip('/')}.pdf" in read_text(source)
    assert (pdf.state, pdf.reason) == (AttachmentState.FAILED, printer.refusal)
    assert states(mailing) == [DeliveryState.SENT]


def test_who_waited_in_vain_is_woken_while_the_others_go_out(edition, printer, woken):
    printer.refusal = "字型沒有以下字元：𠮷"
    mailing = open_with_pdf(edition, {})
    waiting, other = mailing.deliveries.order_by("pk")
    print_attached_pdf(mailing.pk)
    over = AttachedPDF.objects.get().tried_at + PATIENCE
    assert take(other, over - timedelta(seconds=1))
    woken.clear()

    sweep(over)

    assert (mailing.pk, waiting.pk, waiting.pk) in woken


def test_a_slot_that_somebody_wrote_into_a_text_stays_what_they_wrote(relay):
    mailing = open_mailing_of(make_published({"headline": "寫[[pdf-en]]"}, number=8))

    send_all(mailing)

    ((_, source),) = relay.accepted
    assert "寫[[pdf-en]]" in read_text(source)


def test_a_machine_without_fonts_leaves_it_to_another(edition, printer, monkeypatch):
    mailing = open_with_pdf(edition)

    def lack_fonts(document):
        raise PDFRefused("缺少中文字型。")

    with monkeypatch.context() as machine:
        machine.setattr(printing, "digest_document", lack_fonts)
        print_attached_pdf(mailing.pk)
    assert "缺少中文字型。" in str(AttachedPDF.objects.get())
    print_attached_pdf(mailing.pk)

    pdf = AttachedPDF.objects.get()
    assert (pdf.state, pdf.reason) == (AttachmentState.ATTACHED, "")


def test_while_no_worker_runs_nobody_gives_up(edition, woken):
    mailing = open_with_pdf(edition)

    sweep(mailing.opened_at + 10 * PATIENCE)

    assert AttachedPDF.objects.get().is_waiting


def test_what_was_given_up_is_not_attached_later(edition, printer, woken):
    printer.refusal = "太長。"
    mailing = open_with_pdf(edition)
    print_attached_pdf(mailing.pk)
    sweep(timezone.now() + PATIENCE)
    printer.refusal = ""

    print_attached_pdf(mailing.pk)

    assert AttachedPDF.objects.get().state == AttachmentState.FAILED


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (NoticeLanguage.BOTH, "這一期的PDF有0.1 MB，太大，沒有附上；請按下面的「下載PDF」。"),
        (NoticeLanguage.ENGLISH, "At 0.1 MB the PDF is too large to attach."),
    ],
)
@pytest.mark.usefixtures("printer")
def test_what_is_too_big_is_left_to_the_link(language, words, relay, edition, monkeypatch):
    monkeypatch.setattr(attachments, "MOST_ATTACHED", len(PDF) - 1)
    mailing = open_with_pdf(edition, notice_language=language)

    print_attached_pdf(mailing.pk)
    send_all(mailing)

    ((_, source),) = relay.accepted
    assert find_pdfs(source) == []
    assert words in read_text(source)
    assert "太大，只附連結" in str(AttachedPDF.objects.get())


def test_the_largest_that_is_attached_is_taken_by_common_mail_services():
    """In Base64, with room for text and HTML."""
    assert attachments.MOST_ATTACHED / 3 * 4 * 78 / 76 + 400_000 < 10_000_000


@pytest.mark.parametrize("spoil", ["lost", "another"])
def test_one_that_cannot_be_read_stops_only_its_copies(spoil, relay, edition, printer):
    mailing = open_with_pdf(edition, {})
    print_attached_pdf(mailing.pk)
    name = AttachedPDF.objects.get().name
    default_storage.delete(name)
    if spoil == "another":
        default_storage.save(name, ContentFile(b"%PDF another"))

    send_all(mailing)
    put_off, sent = mailing.deliveries.order_by("pk")
    default_storage.delete(name)
    default_storage.save(name, ContentFile(PDF))
    Delivery.objects.filter(pk=put_off.pk).update(not_before=timezone.now())
    send_all(mailing)

    assert (put_off.state, sent.state) == (DeliveryState.QUEUED, DeliveryState.SENT)
    assert put_off.not_before > timezone.now() + timedelta(minutes=4)
    assert "附件不見了" in put_off.reply
    assert [find_pdfs(source) for _, source in relay.accepted] == [[], [PDF]]


# ----------------------------------------------------------------------------------- its price


class CountingStorage(InMemoryStorage):
    """Of another kind than files: no path, and nothing on this machine."""

    opened: list[str] = []

    def _open(self, name, mode="rb"):
        self.opened.append(name)
        return super()._open(name, mode)


@pytest.fixture
def counted(settings) -> list[str]:
    storage = f"{__name__}.{CountingStorage.__name__}"
    settings.STORAGES = settings.STORAGES | {"default": {"BACKEND": storage}}
    CountingStorage.opened.clear()
    return CountingStorage.opened


def test_it_is_read_once_a_chunk_wherever_files_are(relay, edition, printer, counted):
    others = ({"wants_pdf": True}, {"wants_pdf": True, "script": Script.SIMPLIFIED})
    mailing = open_with_pdf(edition, *others)
    print_attached_pdf(mailing.pk)
    counted.clear()

    send_all(mailing)

    assert counted == [AttachedPDF.objects.get().name]
    assert [find_pdfs(source) for _, source in relay.accepted] == [[PDF]] * 3


def test_sending_it_costs_two_queries_a_member(
    relay, edition, printer, django_assert_max_num_queries
):
    mailing = open_with_pdf(edition, *[{"wants_pdf": True}] * 9)
    print_attached_pdf(mailing.pk)

    with django_assert_max_num_queries(10 * 2 + 9):
        send_all(mailing)


def test_opening_costs_one_query_more_for_all_who_want_it():
    def count_queries(members: int, *, wants_pdf: bool) -> int:
        edition = make_published()
        for _ in range(members):
            make_member(wants_pdf=wants_pdf)
        with CaptureQueriesContext(connection) as queries:
            open_mailing(edition, by=None)
        return len(queries)

    without = count_queries(1, wants_pdf=False)
    Member.objects.all().delete()

    assert count_queries(10, wants_pdf=True) == without + 1


# ------------------------------------------------------------------------------- the preference


def test_members_choose_it_on_the_page_of_their_preferences(client):
    member = make_member()
    page = f"/preferences/{make_token(Purpose.PREFERENCES, member.pk)}/"

    answer = client.post(page, {"frequency": "every", **VARIANT, "wants_pdf": "on"})

    member.refresh_from_db()
    assert "偏好已儲存" in answer.text
    assert member.wants_pdf
    assert "摘要收集幾期的內容，只附連結" in answer.text


@pytest.mark.slow
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_ticking_it_is_kept(page, live_server):
    member = make_member()
    page.goto(f"{live_server.url}/preferences/{make_token(Purpose.PREFERENCES, member.pk)}/")
    box = page.get_by_label("每期的郵件附上PDF")
    assert not box.is_checked()

    box.check()
    page.get_by_role("button", name="儲存").click()
    page.get_by_text("偏好已儲存。").wait_for()

    assert page.get_by_label("每期的郵件附上PDF").is_checked()
    member.refresh_from_db()
    assert member.wants_pdf
    connection.close()


# ----------------------------------------------------------------------------------- at the desk


@pytest.fixture
def preview(edition):
    return f"/admin/briefings/edition/{edition.pk}/mail/?pdf=on"


def test_the_preview_names_what_is_attached_and_its_size(admin_client, edition, printer, preview):
    printing.build(printing.make_order(edition))

    page, frame = admin_client.get(preview), admin_client.get(f"{preview}&frame")

    assert "附件：2026-11-20.pdf（0.1 MB），已附上" in page.text
    for part in (page, frame):
        assert "隨信附上這一期的PDF（0.1 MB）。" in part.text
    assert "frame&amp;theme=&amp;script=hant&amp;language=both&amp;pdf=on" in page.text


def test_a_preview_without_it_says_nothing_of_it(admin_client, preview):
    page = admin_client.get(preview.removesuffix("?pdf=on"))

    assert "附件" not in page.text
    assert "隨信附上" not in page.text


def test_a_trial_brings_it(admin_client, edition, printer, preview, relay):
    printing.build(printing.make_order(edition))

    admin_client.post(preview, {"to": "a@example.com"})

    ((_, source),) = relay.accepted
    assert find_pdfs(source) == [PDF]
    assert "隨信附上這一期的PDF" in read_text(source)


def test_a_trial_does_not_go_out_before_it_is_there(admin_client, preview, relay):
    answer = admin_client.post(preview, {"to": "a@example.com"}, follow=True)

    assert relay.accepted == []
    assert "PDF正在製作，還未試寄" in answer.text
    assert "附件：2026-11-20.pdf，等候製作" in answer.text
    assert Printout.objects.get().is_under_way


def test_a_trial_of_what_cannot_be_printed_goes_out_as_members_would_get_it(
    admin_client, edition, printer, preview, relay
):
    printer.refusal = "字型沒有以下字元。"
    printing.build(printing.make_order(edition))

    answer = admin_client.post(preview, {"to": "a@example.com"}, follow=True)

    ((_, source),) = relay.accepted
    assert find_pdfs(source) == []
    assert "這一期的PDF未能附上" in read_text(source)
    assert "未能製成，只附連結：字型沒有以下字元。" in answer.text


def test_the_ledger_tells_what_became_of_it(admin_client, edition, printer):
    mailing = open_with_pdf(edition)
    pages = (
        f"/admin/subscribers/mailing/{mailing.pk}/change/",
        f"/admin/briefings/edition/{edition.pk}/mailing/",
    )

    for page in pages:
        assert "2026-11-20.pdf，等候製作" in admin_client.get(page).text
    print_attached_pdf(mailing.pk)
    for page in pages:
        assert "2026-11-20.pdf（0.1 MB），已附上" in admin_client.get(page).text
