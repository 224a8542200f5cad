import json
from datetime import date
from pathlib import Path

from django.core.management.base import BaseCommand
from home.models import HomePage
from wagtail.models import Site

from archive.models import EditionPage, EntryPage


class Command(BaseCommand):
    help = "Load and publish the editions of a JSON file."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)

    def handle(self, *args, **options):
        archive = json.loads(options["file"].read_text())
        home = HomePage.objects.get()
        home.title = archive["name"]
        home.save_revision().publish()
        Site.objects.update(site_name=archive["name"], hostname="127.0.0.1")
        for edition in archive["editions"]:
            self.load_edition(home, edition)

    def load_edition(self, home, edition):
        day = date.fromisoformat(edition["date"])
        page = EditionPage(
            title=edition["label"], slug=edition["date"], number=edition["number"], date=day
        )
        home.add_child(instance=page)
        for entry in edition["entries"]:
            child = EntryPage(
                title=entry["headline"],
                lead=entry["lead"],
                body=entry["body"],
                search_description=entry["lead"],
            )
            page.add_child(instance=child)
            child.tags.add(*entry["themes"])
            child.save_revision().publish()
