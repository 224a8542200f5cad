"""Stored files in object storage, on a server that speaks S3."""

from datetime import timedelta
from uuid import uuid4

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from moto.server import ThreadedMotoServer

from briefings import imports
from briefings.cards import card_url, draw_missing
from briefings.files import list_old_files, store_whole
from briefings.models import Publication
from briefings.printing import ask_for, build, make_order
from briefings.retention import RULES
from briefings.tests.makers import make_picture, make_published
from cma_site.backups.making import list_files
from cma_site.object_storage import describe_storage
from subscribers import imports as member_imports

REGION = "ap-east-1"


@pytest.fixture(scope="module")
def server():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(server, settings):
    """Stored files are in it, under a folder; the bucket itself, to look into."""
    host, port = server.get_host_and_port()
    name = f"archive-{uuid4().hex}"
    s3 = boto3.resource(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name=REGION,
        aws_access_key_id="key",
        aws_secret_access_key="s/ecret",
    )
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    url = f"s3+http://key:s%2Fecret@{host}:{port}/{name}/media?region={REGION}"
    settings.STORAGES = settings.STORAGES | {"default": describe_storage(url)}
    return s3.Bucket(name)


def list_keys(bucket) -> list[str]:
    return sorted(each.key for each in bucket.objects.all())


@pytest.mark.slow
def test_a_file_keeps_its_name_however_often_it_is_stored(bucket):
    store_whole("pdf/甲.pdf", b"%PDF old")
    store_whole("pdf/甲.pdf", b"%PDF new")

    assert list_keys(bucket) == ["media/pdf/甲.pdf"]
    assert default_storage.open("pdf/甲.pdf").read() == b"%PDF new"


@pytest.mark.slow
def test_two_uploads_of_one_name_are_two_files(bucket):
    names = [default_storage.save("imports/x.txt", ContentFile(text)) for text in (b"1", b"2")]

    assert [default_storage.open(name).read() for name in names] == [b"1", b"2"]


@pytest.mark.slow
@pytest.mark.django_db
def test_readers_get_a_pdf_that_a_worker_built(bucket, client):
    edition = make_published()
    build(make_order(edition))

    address = f"/editions/{edition.slug}.pdf"
    answer = client.get(address)
    again = client.get(address, headers={"If-None-Match": answer["ETag"]})

    pdf = answer.getvalue()
    assert ask_for(make_order(edition)).is_ready
    assert pdf.startswith(b"%PDF")
    assert int(answer["Content-Length"]) == len(pdf)
    assert again.status_code == 304


@pytest.mark.slow
@pytest.mark.django_db
def test_readers_get_pictures_and_cards(bucket, client):
    entry = make_published().entries.get()
    draw_missing(entry.edition)

    card = client.get(card_url(entry, Publication.load()))
    picture = client.get(make_picture().get_absolute_url())

    assert card.getvalue().startswith(b"\x89PNG")
    assert picture.status_code == 200
    assert len(picture.getvalue()) == int(picture["Content-Length"]) > 100


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("module", [imports, member_imports])
def test_uploads_that_nobody_knows_of_are_dropped_where_there_are_no_folders(bucket, module):
    default_storage.save(f"{module.FOLDER}/orphan", ContentFile(b"x"))

    module.sweep(timezone.now())
    kept = list_keys(bucket)
    module.sweep(timezone.now() + timedelta(days=2))

    assert kept == [f"media/{module.FOLDER}/orphan"]
    assert list_keys(bucket) == []


@pytest.mark.slow
@pytest.mark.django_db
def test_old_pdfs_that_no_row_knows_are_dropped(bucket):
    default_storage.save("pdf/volumes/stray.pdf", ContentFile(b"%PDF"))

    for rule in RULES:
        rule.purge(timezone.now() + timedelta(days=400))

    assert list_keys(bucket) == []


@pytest.mark.slow
def test_what_is_not_there_is_missing_as_on_a_disk(bucket):
    with pytest.raises(FileNotFoundError):
        default_storage.open("pdf/none.pdf")
    assert list(list_old_files("pdf", timezone.now())) == []


@pytest.mark.slow
def test_a_backup_finds_every_file(bucket):
    for name in ("pdf/甲.pdf", "pdf/volumes/乙.pdf", "logo.png"):
        store_whole(name, b"x")

    assert list(list_files(default_storage)) == ["logo.png", "pdf/甲.pdf", "pdf/volumes/乙.pdf"]


def test_keys_and_folder_come_out_of_the_address():
    options = describe_storage("s3://AK:a%2Fb%40c@s3.example.com/bucket/a/b")["OPTIONS"]

    assert options["endpoint_url"] == "https://s3.example.com"
    assert (options["access_key"], options["secret_key"]) == ("AK", "a/b@c")
    assert (options["bucket_name"], options["location"]) == ("bucket", "a/b")


def test_without_keys_those_of_the_machine_are_used():
    options = describe_storage("s3://s3.example.com/bucket")["OPTIONS"]

    assert (options["access_key"], options["secret_key"]) == (None, None)


@pytest.mark.parametrize("url", ["s3://K:hidden@host", "https://K:hidden@host/bucket", "s3:///b"])
def test_an_address_that_leads_nowhere_is_refused_and_not_quoted(url):
    with pytest.raises(ImproperlyConfigured, match="MEDIA_STORAGE_URL must be like") as refused:
        describe_storage(url)

    assert "hidden" not in str(refused.value)
