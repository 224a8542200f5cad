"""What an entry's form holds under its text: who wrote it, and what it draws on."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path

from briefings.admin.suggestions import AuthorPicker, Suggestions, new_author, new_theme
from briefings.models import Author, Byline, Entry, Source
from briefings.permissions import may_add_entries, may_change_entry


class LineForm(forms.ModelForm):
    """One line of an ordered list; desk/writing.js writes its place where editors move lines."""

    position = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    def clean_position(self) -> int:
        return self.cleaned_data["position"] or 0

    def has_changed(self) -> bool:
        """A new line that has a place and nothing else is an empty one."""
        changed = set(self.changed_data)
        return bool(changed - {"position"}) or (bool(self.instance.pk) and bool(changed))


class BylineForm(LineForm):
    author = forms.ModelChoiceField(Author.objects.all(), label="作者", widget=AuthorPicker)

    class Meta:
        model = Byline
        fields = ["author", "position"]


class SourceForm(LineForm):
    url = forms.URLField(
        label="網址",
        max_length=500,
        required=False,
        assume_scheme="https",
        widget=forms.URLInput,
    )

    class Meta:
        model = Source
        fields = ["title", "publisher", "url", "published_on", "position"]
        widgets = {"published_on": forms.DateInput({"type": "date"}, format="%Y-%m-%d")}


class LineInline(admin.TabularInline):
    """Lines of an entry, whoever may write which may add to, change and order them."""

    template = "admin/briefings/entry/lines.html"
    extra = 0
    classes: list[str] = ["lines"]

    def has_view_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        return request.user.has_perm("briefings.view_entry") or self._may_write(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        return self._may_write(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        return self._may_write(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Entry | None = None) -> bool:
        return self._may_write(request, obj)

    def _may_write(self, request: HttpRequest, entry: Entry | None) -> bool:
        return may_change_entry(request.user, entry) if entry else may_add_entries(request.user)


class BylineInline(LineInline):
    model = Byline
    form = BylineForm


class SourceInline(LineInline):
    model = Source
    form = SourceForm


class Writing(admin.ModelAdmin):
    """The entry's form with its authors and sources, and what it asks for while one writes."""

    inlines = [BylineInline, SourceInline]

    class Media:
        css = {"all": ["desk/writing.css"]}
        js = ["admin/js/jquery.init.js", "desk/pickers.js", "desk/writing.js"]

    def get_urls(self) -> list[URLPattern]:
        suggestions = Suggestions.as_view(admin_site=self.admin_site)
        return [
            path("suggestions/", self.admin_site.admin_view(suggestions), name="entry_suggestions"),
            new_theme.pattern,
            new_author.pattern,
            *super().get_urls(),
        ]
