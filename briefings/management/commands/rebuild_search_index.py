from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from briefings import changes, kept_pages
from briefings.apps import watch_changes
from briefings.catalogue import WATCHED
from briefings.models import Entry
from briefings.search.index import (
    NOTHING,
    find_entry_ids,
    list_tail,
    read_texts,
    remove_entry,
)
from briefings.search.merging import find_damaged_segments, make_all_segments

CHUNK_SIZE = 200  # entries in one transaction; editors who save one of them wait for no more


class Command(BaseCommand):
    help = "由短評重建搜尋索引；期間網站照常運作。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="只核對，不改動；索引與短評不符時以非零值結束"
        )

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        if check:
            self.check_index()
        else:
            self.rebuild_index()

    def check_index(self) -> None:
        differences = [*find_differences(), *find_damage()]
        for difference in differences:
            self.stdout.write(difference)
        if differences:
            raise CommandError(
                f"索引有 {len(differences)} 處不符，請執行 manage.py rebuild_search_index。"
            )
        self.stdout.write("索引與短評相符。")

    def rebuild_index(self) -> None:
        watch_changes()
        entry_ids = list(Entry.objects.order_by("pk").values_list("pk", flat=True))
        # For whoever watches: a log gets the result alone.
        with tqdm(total=2 * len(entry_ids), unit="篇", disable=None) as progress:
            for start in range(0, len(entry_ids), CHUNK_SIZE):
                chunk = entry_ids[start : start + CHUNK_SIZE]
                Entry.objects.filter(pk__in=chunk).refresh_index()
                progress.update(len(chunk))
            for entry_id in find_entry_ids().difference(Entry.objects.values_list("pk", flat=True)):
                remove_entry(entry_id)
            make_all_segments(progress.update)
        if list_tail().exists():
            self.stdout.write("另有程序正在整理索引；未整理的短評照樣找得到，下次再整理。")
        self.stdout.write(f"已重建索引，共 {len(find_entry_ids())} 篇短評。")


def find_differences() -> Iterator[str]:
    """One line for each entry that the index holds wrongly, or holds though it is gone."""
    held = find_entry_ids()
    entry_ids = list(Entry.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(entry_ids), CHUNK_SIZE):
        chunk = Entry.objects.filter(pk__in=entry_ids[start : start + CHUNK_SIZE]).order_by("pk")
        texts = read_texts([entry.pk for entry in chunk])
        for entry in chunk:
            if texts.get(entry.pk, NOTHING) != entry.indexed_text:
                trouble = "內容過時" if entry.pk in held else "未載入"
                yield f"{trouble}：{entry.pk} {entry.headline}"
            held.discard(entry.pk)
    for entry_id in sorted(held):
        yield f"不應載入：{entry_id}"


def find_damage() -> Iterator[str]:
    for segment_id in find_damaged_segments():
        yield f"索引段落損壞：{segment_id}"
    watched = changes.list_watched()
    for kind, table, _ in (*WATCHED, *kept_pages.list_watched()):
        if (kind, table) not in watched:
            yield f"資料表未受監察：{kind} {table}"
