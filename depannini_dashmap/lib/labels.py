"""Labels and lists with the colon and the comma of the reader's language."""

from collections.abc import Iterable

from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import pgettext, pgettext_lazy
from django_stubs_ext import StrPromise


def labelled(label: object, text: object) -> str:
    """Return `label: text`; French sets the colon apart."""
    return f"{label}{pgettext('after a label', ':')} {text}"


def labelled_lazily(label: object, text: object) -> StrPromise:
    """Return `label: text` in the language of whoever reads it later."""
    return format_lazy("{label}{colon} {text}", label=label, colon=pgettext_lazy("after a label", ":"), text=text)


def listed(parts: Iterable[object]) -> str:
    """Return `one, two`; Arabic has a comma of its own."""
    return f"{pgettext('in a list', ',')} ".join(map(str, parts))


listed_lazily = lazy(listed, str)


def joined_names(names: Iterable[str]) -> str:
    """Return `street, town` with the comma of the script of these names, whatever the reader's language; empty ones are left out."""
    found = [name for name in names if name]
    return ("، " if any("\u0600" <= character <= "\u06ff" for name in found for character in name) else ", ").join(found)
