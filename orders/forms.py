"""The admin's form of an order with both of its stops."""

from typing import Any

from django import forms
from django.utils.translation import gettext, gettext_lazy

from depannini_dashmap.lib.geo import HALF_LOCATION
from depannini_dashmap.lib.labels import labelled_lazily
from orders.field_names import ENDS, LOCATION, ORDER, STOP
from orders.models import Order, Stop
from orders.stops import StopInput, lacking_half
from orders.widgets import PlaceInput

ORDER_FIELDS = ["company", *ORDER]
STOP_FIELDS = {end: [f"{end}_{name}" for name in STOP] for end in ENDS}
_LINES = (("name", "address"), ("latitude", "longitude"), ("contact_name", "contact_phone"), ("windows", "service_minutes"), ("notes",))
STOP_LINES = {end: [tuple(f"{end}_{name}" for name in line) for line in _LINES] for end in ENDS}
_END_NAMES = {"pickup": gettext_lazy("Pickup"), "delivery": gettext_lazy("Delivery")}


def _stop_fields() -> dict[str, forms.Field]:
    fields = {}
    for end in ENDS:
        for name in STOP:
            column = Stop._meta.get_field(name)
            field = column.formfield(required=False)
            field.validators = [*field.validators, *column.validators]  # no form of stops runs those of the column
            words = gettext_lazy(name.replace("_", " "))  # the names of the model's fields are in the catalogue
            field.label = labelled_lazily(_END_NAMES[end], words)
            field.label_suffix = ""  # one colon is enough
            if name == "notes":
                field.widget = forms.Textarea(attrs={"rows": 2})
            if name == "address":
                field.widget = PlaceInput(latitude=f"{end}_latitude", longitude=f"{end}_longitude")
            fields[f"{end}_{name}"] = field
    return fields


class _OrderForm(forms.ModelForm):
    class Meta:
        model = Order
        fields = ORDER_FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        order = kwargs.get("instance")
        initial = kwargs.setdefault("initial", {})
        for end in ENDS:
            stop = getattr(order, f"{end}_stop", None) if order else None
            if stop is not None:
                initial.update({f"{end}_{name}": getattr(stop, name) for name in STOP})
        super().__init__(*args, **kwargs)

    def clean_priority(self) -> int:
        """Read an empty priority as none."""
        return self.cleaned_data["priority"] or 0

    def clean(self) -> dict[str, Any]:
        """Refuse half a stop, and half a location."""
        cleaned = super().clean() or self.cleaned_data
        for end in ENDS:
            if any(cleaned.get(name) not in (None, "") for name in STOP_FIELDS[end]):
                for name in (f"{end}_name", f"{end}_address"):
                    if not cleaned.get(name) and name not in self.errors:
                        self.add_error(name, gettext("This field is required."))
            self._refuse_half_a_location(end)
        return cleaned

    def _refuse_half_a_location(self, end: str) -> None:
        names = {name: f"{end}_{name}" for name in LOCATION}
        half = lacking_half({name: self.cleaned_data.get(named) for name, named in names.items()})
        # A value that could not be read has its own error already.
        if half and names[half] not in self.errors:
            self.add_error(names[half], HALF_LOCATION)

    def service_fields(self) -> dict[str, Any]:
        """Return what changed, as the services take it."""
        fields = {name: self.cleaned_data[name] for name in self.changed_data if name in ORDER_FIELDS}
        for end in ENDS:
            if any(name in self.changed_data for name in STOP_FIELDS[end]):
                content = {name: self.cleaned_data[f"{end}_{name}"] for name in STOP}
                empty = not any(value not in (None, "") for value in content.values())
                fields[f"{end}_stop"] = StopInput(is_null=True) if empty else StopInput(fields=content)
        return fields


OrderForm = type("OrderForm", (_OrderForm,), {"__module__": __name__, **_stop_fields()})
