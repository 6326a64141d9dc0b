"""Lists of the admin site that answer any query string: an unreadable filter is ignored."""

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import FieldError, ValidationError
from django.db import DataError, NotSupportedError
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from depannini_dashmap.lib.db.search import joined_last, read_soon

MOST_LETTERS = 200
MOST_WORDS = 10
_TOO_MANY_DIGITS = re.compile(r"\d{19}")
_UNREADABLE = (
    IncorrectLookupParameters,
    DisallowedModelAdminLookup,
    DisallowedModelAdminToField,
    FieldError,
    ValidationError,
    ValueError,
    TypeError,
    OverflowError,
    DataError,
    NotSupportedError,
)


class SearchForm(forms.Form):
    """Takes a few words: each costs a comparison with every column that is searched in every row."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {SEARCH_VAR: forms.CharField(required=False, strip=False, validators=[require_few_words])}


def require_few_words(text: str) -> None:
    """Raise ValidationError when a search is longer than people type."""
    if len(text) > MOST_LETTERS or len(text.split()) > MOST_WORDS:
        limits = {"words": MOST_WORDS, "letters": MOST_LETTERS}
        raise ValidationError(_("Search for at most %(words)d words and %(letters)d letters.") % limits)


class ReadableList(ChangeList):
    """Says that a filter cannot be read, and shows the list without it."""

    search_form_class = SearchForm

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        try:
            _require_readable(request.GET)
            super().__init__(request, *args, **kwargs)
        except _UNREADABLE as error:
            # Without parameters nothing was misread: it is a bug.
            if not request.GET:
                raise
            messages.error(request, _("A filter in the address cannot be read: this is the list without it."))
            raise IncorrectLookupParameters(str(error)) from error

    def get_results(self, request: HttpRequest) -> None:
        """Read the page; a list too long to be counted, and a search, draw no dates to choose from, which would read all of it."""
        super().get_results(request)
        if self.query and self.result_list.query.is_sliced and not self.result_list.query.annotations:
            self.result_list = joined_last(read_soon(self.result_list, self.root_queryset, self.result_count))
        if self.query or getattr(self.paginator, "is_cut", False):
            self.date_hierarchy = None


def _require_readable(query: QueryDict) -> None:
    for name, values in query.lists():
        if name == PAGE_VAR:
            # What is no page is the first one, as Django has it; a number without end is none.
            if any(len(value) > 10 for value in values):
                raise IncorrectLookupParameters("page")
        elif name != SEARCH_VAR and any("regex" in name or _TOO_MANY_DIGITS.search(value) for value in values):
            raise IncorrectLookupParameters(name)


def attach(model_admin: ModelAdmin) -> None:
    """Have an admin show its rows in a readable list."""
    model_admin.get_changelist = lambda request, **kwargs: ReadableList  # type: ignore[method-assign]
