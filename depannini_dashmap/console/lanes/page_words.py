"""The sentences that the scripts of the planning page say, in the language of the page; `{name}` is filled in by them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from trips.models import Trip


def page_words() -> dict[str, Any]:
    """Return each sentence under the name by which `static/console/lanes*.js` asks for it."""
    return {
        "statuses": {value: str(label) for value, label in Trip.Status.choices},
        "pickup": _("pickup"),
        "delivery": _("delivery"),
        "load": _("Load"),
        "kg": _("kg"),
        "km": _("km"),
        "cubicMetres": _("m³"),
        "colon": pgettext("after a label", ":"),
        "volume": _("Volume"),
        "hours": _("Shift"),
        "nextFree": _("next free"),
        "start": _("Start"),
        "unreachable": _("driver cannot be reached"),
        "inactive": _("out of service"),
        "newTrip": _("New trip: drop an order here"),
        "newTripOf": _("new trip"),
        "aNewTrip": _("New trip"),
        "dropHere": _("Drop an order here"),
        "notOnMap": _("not on the map"),
        "arrived": _("arrived"),
        "waits": _("waits {n} min"),
        "doneStops": _("{n} stops are done"),
        "stopsOf": _("Stops of {name}"),
        "notSaved": _("not saved"),
        "notTold": _("driver not told"),
        "notToldAgain": _("driver not told since the last change"),
        "changedByOther": _("Somebody else has changed this trip meanwhile. What you arranged is kept on top: look at it, then save."),
        "takeTheirs": _("Drop my changes"),
        "up": _("Move {name} up"),
        "down": _("Move {name} down"),
        "moveTo": _("Move {name} to …"),
        "putInto": _("Put into …"),
        "whereTo": _("Where does {name} go?"),
        "backToWaiting": _("Back to the orders that wait"),
        "waitingCount": _("{n} of {total} shown"),
        "refused": _("Not possible: {why} It is where it was."),
        "ownStays": _("This stop belongs to no order and stays in its trip."),
        "moved": _("{name} is moved. Not saved yet."),
        "takenOut": _("{name} waits again. Not saved yet."),
        "undone": _("The last change is undone."),
        "notChecked": _("The times could not be fetched. What you arranged is kept."),
        "signedOut": _("You are signed out: sign in again."),
        "replanning": _("Looking for better trips …"),
        "replanned": _("{n} min of driving less. Not saved yet: look at it, then save."),
        "replannedPromises": _("More promises are kept like this. Not saved yet: look at it, then save."),
        "nothingBetter": _("Nothing better was found."),
        "saving": _("Saving …"),
        "someNotSaved": _("Some lanes were not saved: the list says why. What you arranged is kept."),
        "notSavedYet": _("The server did not answer. What you arranged is kept: save it again."),
        "lost": _("Somebody else has taken these meanwhile: {names}"),
    }
