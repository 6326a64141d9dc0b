"""A sheet over the limits is refused before the work, with any compressed size."""

from __future__ import annotations

import io
import threading
import zipfile
from typing import Any

import openpyxl
import pytest
from django.test import Client

from depannini_dashmap.lib.sheets import import_views, limits
from depannini_dashmap.lib.sheets.headings import Headings
from depannini_dashmap.lib.sheets.sheet_lines import SheetError
from depannini_dashmap.lib.sheets.workbooks import read_workbook
from fleet.models import Vehicle
from fleet.tests.sheets import confirm, upload

pytestmark = pytest.mark.django_db
HEADER = ["license_plate", "make", "model", "year", "capacity"]
ROW = ["16-1", "Ford", "Transit", 2020, 2.5]
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.fixture
def nadia(dispatcher: Any) -> Client:
    """The browser of a dispatcher."""
    browser = Client()
    browser.force_login(dispatcher, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def _workbook(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _changed(content: bytes, part: str, change: Any) -> bytes:
    """Return the workbook with one of its parts changed, or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
        if part not in old.namelist():
            new.writestr(part, change(b""))
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
GOOD = _workbook(HEADER, ROW)
WIDE = b"<row r='3'>" + b"<c r='A3'><v>1</v></c>" * (limits.MAX_CELLS + 1) + b"</row></sheetData>"
TOO_MUCH = {
    "rows": _changed(GOOD, SHEET, lambda xml: xml.replace(b"</sheetData>", b"<row r='3'></row>" * 300_000 + b"</sheetData>")),
    "cells": _changed(GOOD, SHEET, lambda xml: xml.replace(b"</sheetData>", WIDE)),
    "words": _changed(GOOD, "xl/sharedStrings.xml", lambda _: b"<sst>" + b"<si><t>a</t></si>" * (limits.MAX_TAGS // 4) + b"</sst>"),
    "styles": _changed(GOOD, "xl/styles.xml", lambda xml: xml + b"<xf/>" * (limits.MAX_TAGS + 1)),
    "zeros": _changed(GOOD, "xl/media/a.png", lambda _: b"\0" * (limits.MAX_UNPACKED_BYTES + 1)),
    "members": _changed(GOOD, "xl/a.xml", lambda _: b""),
    "a long comment": _changed(GOOD, SHEET, lambda xml: xml + b"<!--" + b"< a>" * 500_000 + b"-->"),
    "a long comment that looks ended": _changed(GOOD, SHEET, lambda xml: xml + b"<!-->" + b"< a>" * 500_000 + b"-->"),
    "a long instruction": _changed(GOOD, SHEET, lambda xml: xml + b"<?a " + b"< a>" * 500_000 + b"?>"),
    "a long tag": _changed(GOOD, SHEET, lambda xml: xml.replace(b"<sheetData", b"<a b='" + b"> " * 1_000_000 + b"'/><sheetData")),
    "a long text": _changed(GOOD, "xl/sharedStrings.xml", lambda _: b"<sst><si><t>" + b"a" * 2_000_000 + b"</t></si></sst>"),
    "a long comment in utf-16": _changed(GOOD, SHEET, lambda _: ('<?xml version="1.0" encoding="utf-16"?><!--' + "a" * 2_000_000 + "--><worksheet/>").encode("utf-16")),
    # The first letter is the bytes `--`, the second begins with `>`.
    "a long comment of letters that look like marks": _changed(GOOD, SHEET, lambda _: ('<?xml version="1.0" encoding="utf-16"?><!--' + "\u2d2d>< " * 500_000 + "--><worksheet/>").encode("utf-16")),
}
ODD = {
    "entities": _changed(GOOD, SHEET, lambda xml: xml.replace(b"<worksheet", BOMB.encode() + b"<worksheet")),
    "entities in utf-16": _changed(GOOD, SHEET, lambda _: ('<?xml version="1.0" encoding="utf-16"?>' + BOMB + "<worksheet/>").encode("utf-16")),
    "entities in strings": _changed(GOOD, "xl/sharedStrings.xml", lambda _: BOMB.encode() + b"<sst/>"),
    "no workbook": _changed(GOOD, "xl/workbook.xml", lambda _: b"<"),
    "no zip": b"PK\x03\x04" + b"\0" * 100,
    "nothing": b"",
    "cut": GOOD[:-40],
}


def _many_members() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as new:
        for number in range(limits.MAX_MEMBERS + 1):
            new.writestr(f"xl/{number}.xml", b"")
    return out.getvalue()


TOO_MUCH["members"] = _many_members()


def test_a_workbook_of_thousands_of_rows_is_read() -> None:
    rows = [[f"16-{number}", *["x" * 20] * 34] for number in range(3000)]
    page = read_workbook(_workbook([f"c{number}" for number in range(35)], *rows), Headings(["c1"], {}))
    assert (len(page.lines), sum(cell is not None for cell in page.lines[-1][1])) == (3001, 35)


@pytest.mark.parametrize("content", TOO_MUCH.values(), ids=TOO_MUCH)
def test_too_much_is_found_out_before_the_workbook_is_opened(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openpyxl, "load_workbook", lambda *_, **__: pytest.fail("it was opened"))
    with pytest.raises(SheetError, match="holds too much"):
        read_workbook(content, Headings(["make"], {}))


def test_comments_that_programs_write_are_read_over() -> None:
    marked = _changed(GOOD, SHEET, lambda xml: xml.replace(b"<sheetData", b"<!-- made by a program -->" * 40_000 + b"<?keep it?><sheetData"))
    assert len(read_workbook(marked, Headings(["make"], {})).lines) == 2


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
def test_what_no_spreadsheet_writes_is_refused(content: bytes, nadia: Client) -> None:
    page = upload(nadia, content, "vehicles.xlsx")
    assert page.status_code == 200
    assert page.context["form"].errors["import_file"]
    assert not Vehicle.objects.exists()


def test_far_away_rows_and_declared_widths_cost_nothing(nadia: Client) -> None:
    far = _changed(GOOD, SHEET, lambda xml: xml.replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>').replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'))
    page = upload(nadia, far, "vehicles.xlsx")
    assert confirm(nadia, page).status_code == 200
    assert [vehicle.license_plate for vehicle in Vehicle.objects.all()] == ["16-1"]


def test_formulas_and_links_give_their_last_values_and_fetch_nothing(nadia: Client) -> None:
    formula = _workbook(HEADER, ["=HYPERLINK(\"http://127.0.0.1:9/\")", "=[http://127.0.0.1:9/x.xlsx]A!A1", "Transit", 2020, 1])
    page = upload(nadia, formula, "vehicles.xlsx")
    assert page.status_code == 200
    assert not Vehicle.objects.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (",".join(f"c{number}" for number in range(1_000_000)) + "\n1", "more than 100 columns"),
        ("a" + "," * 1_000_000, "too many cells"),
        ("license_plate\n" + "," * 500_001, "too many cells"),
        ("license_plate\n" + "\n" * 200_001, "too many lines"),
        ("license_plate\r" + "\r" * 200_001, "too many lines"),
        ("license_plate,make,model,year,capacity\n" + "x" * 6_000 + ",b,c,2020,1", "a cell of more than 5000 letters"),
        ("license_plate,make\n" + "x" * 400_000 + ",b", "cannot be read as CSV"),
        ('license_plate,make\n"' + 'x"",\n' * 300, ""),
        ("x" * (limits.MAX_BYTES + 1), "larger than 10 MB"),
    ],
)  # fmt: skip
def test_a_csv_file_that_holds_too_much_is_refused(content: str, said: str, nadia: Client) -> None:
    page = upload(nadia, content)
    assert page.status_code == 200
    assert said in str(page.context["form"].errors["import_file"])


def test_one_sheet_is_read_at_a_time(nadia: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_views, "WAIT_FOR_OTHERS", 0.01)
    with import_views._reading:
        answer = nadia.post("/admin/fleet/vehicle/import/", {"format": "0"}, follow=True)
    assert "Another file is being imported" in answer.content.decode()
    assert upload(nadia, GOOD, "vehicles.xlsx").context["confirm_form"] is not None


def test_a_confirmation_counts_once(nadia: Client) -> None:
    shown = upload(nadia, GOOD, "vehicles.xlsx")
    assert "Import finished" in confirm(nadia, shown).content.decode()
    assert "was confirmed already" in confirm(nadia, shown).content.decode()
    assert Vehicle.objects.count() == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same_file", [True, False])
def test_three_confirmations_at_once_import_once(same_file: bool, nadia: Client, dispatcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file three times, or three uploads of one file: none is answered 500 or 503."""
    monkeypatch.setattr(import_views, "_reading", threading.BoundedSemaphore(3))  # as three processes
    content = _workbook(HEADER, *([f"16-{number}", "Ford", "Transit", 2020, 1] for number in range(30)))
    browsers = [Client(raise_request_exception=False) for _ in range(3)]
    for browser in browsers:
        browser.force_login(dispatcher, backend="django.contrib.auth.backends.ModelBackend")
    shown = [upload(browser, content, "vehicles.xlsx") for browser in browsers]
    forms = [page.context["confirm_form"].initial for page in (shown[:1] * 3 if same_file else shown)]
    barrier, statuses = threading.Barrier(3), []

    def press(browser: Client, form: Any) -> None:
        from django.db import connection

        barrier.wait()
        try:
            statuses.append(browser.post("/admin/fleet/vehicle/process_import/", form).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=pair) for pair in zip(browsers, forms, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [302, 302, 302]
    assert Vehicle.objects.count() == 30
