"""Labels before what they name, with the colon of the reader's language."""

from django.utils.text import format_lazy
from django.utils.translation import pgettext, pgettext_lazy
from django_stubs_ext import StrPromise


def labelled(label: object, text: object) -> str:
    """Return `label: text`; French sets the colon apart."""
    return f"{label}{pgettext('after a label', ':')} {text}"


def labelled_lazily(label: object, text: object) -> StrPromise:
    """Return `label: text` in the language of whoever reads it later."""
    return format_lazy("{label}{colon} {text}", label=label, colon=pgettext_lazy("after a label", ":"), text=text)
