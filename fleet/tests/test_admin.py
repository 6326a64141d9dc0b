"""The dispatchers' pages of vehicles: tenancy, services behind the buttons, sheets in and out."""

import io
import re

import openpyxl
import pytest

from accounts.models import Company, Membership
from depannini_dashmap.lib.sheets.admin import MAX_ROWS
from fleet.models import Vehicle
from fleet.tests.sheets import LIST, confirm, exported, upload

pytestmark = pytest.mark.django_db

HEADER = "license_plate,make,model,year,capacity,driver_name,driver_phone"
FORD = {"license_plate": "ABC123", "make": "Ford", "model": "Transit", "year": 2023, "capacity": "2.50"}


@pytest.fixture
def page(client):
    """Return a browser with a signed-in user."""

    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def van(company_a):
    return Vehicle.objects.create(company=company_a, driver_name="<img src=x onerror=alert(1)>", **FORD)


def workbook(*rows):
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def test_pages_show_own_rows_as_text(page, dispatcher, van, company_b):
    Vehicle.objects.create(company=company_b, **{**FORD, "license_plate": "FOREIGN"})
    body = page(dispatcher).get(LIST).content.decode()
    assert "ABC123" in body and "FOREIGN" not in body and company_b.name not in body
    assert "<img src=x" not in body and "&lt;img src=x" in body
    assert page(dispatcher).get(f"{LIST}{van.pk}/change/").status_code == 200
    assert page(dispatcher).get(f"{LIST}add/").status_code == 200


@pytest.mark.parametrize("view", ["change", "history", "delete"])
def test_foreign_rows_have_no_pages(page, dispatcher_b, van, view):
    answer = page(dispatcher_b).get(f"{LIST}{van.pk}/{view}/")
    assert "Transit" not in answer.content.decode()
    assert answer.status_code in (302, 404)
    record = van.history.get().history_id
    assert page(dispatcher_b).get(f"{LIST}{van.pk}/history/{record}/").status_code == 404


def test_who_may(page, client_user, viewer, van):
    assert page(client_user).get(LIST).status_code == 302
    assert page(viewer).get(LIST).status_code == 200
    assert page(viewer).get(f"{LIST}add/").status_code == 403
    assert page(viewer).get(f"{LIST}import/").status_code == 403
    assert page(viewer).post(f"{LIST}{van.pk}/delete/", {"post": "yes"}).status_code == 403
    assert exported(page(viewer), 0).status_code == 200


def test_add_change_delete_restore(page, dispatcher, company_a):
    browser = page(dispatcher)
    form = {**FORD, "company": company_a.pk, "is_active": "on"}
    assert browser.post(f"{LIST}add/", form).status_code == 302
    van = Vehicle.objects.get()
    browser.post(f"{LIST}{van.pk}/change/", {**form, "make": "Iveco"})
    assert [(row.make, row.history_user) for row in van.history.all()] == [("Iveco", dispatcher), ("Ford", dispatcher)]
    twin = browser.post(f"{LIST}add/", form, follow=True)
    assert "License plate: Another vehicle of this company has it." in twin.content.decode()
    assert b"Iveco" in browser.get(f"{LIST}{van.pk}/history/").content
    assert browser.post(f"{LIST}{van.pk}/delete/", {"post": "yes"}).status_code == 302
    van.refresh_from_db()
    assert van.is_deleted
    assert "ABC123" not in re.sub(
        r"<ul class=\"messagelist.*?</ul>", "", browser.get(LIST).content.decode(), flags=re.S
    )
    assert "ABC123" in browser.get(f"{LIST}?fleet=deleted").content.decode()
    asked = browser.post(f"{LIST}?fleet=deleted", {"action": "restore", "_selected_action": [van.pk]})["Location"]
    assert asked == f"/admin/dispatch/vehicles/restore/?ids={van.pk}"
    assert "ABC123" in browser.get(asked).content.decode()
    assert "brought back" in browser.post(asked, {"ids": van.pk}, follow=True).content.decode()
    assert "is in the fleet already" in browser.post(asked, {"ids": van.pk}, follow=True).content.decode()
    van.refresh_from_db()
    assert not van.is_deleted


def test_history_cannot_be_written_back(page, dispatcher, van):
    record = van.history.get().history_id
    assert page(dispatcher).get(f"{LIST}{van.pk}/history/{record}/").status_code == 200
    assert page(dispatcher).post(f"{LIST}{van.pk}/history/{record}/", FORD).status_code == 404


@pytest.mark.parametrize("size", [1, 3])
def test_the_list_takes_a_fixed_number_of_queries(page, dispatcher, company_a, django_assert_num_queries, size):
    for number in range(size):
        Vehicle.objects.create(company=company_a, **{**FORD, "license_plate": f"P{number}"})
    browser = page(dispatcher)
    browser.get(LIST)
    # session, user, operator?, roles; companies of the filter; counts of the page and of all, vehicles; the menu
    with django_assert_num_queries(9):
        assert browser.get(LIST).status_code == 200


def test_import_is_a_dry_run_first(page, dispatcher, company_a):
    browser = page(dispatcher)
    dry_run = upload(browser, f"{HEADER}\nA-1,Ford,Transit,2020,2.5,علي,+213 21 00 00\nA-2,Iveco,Daily,2021,3,,\n")
    assert Vehicle.objects.count() == 0
    answer = confirm(browser, dry_run)
    assert "2 new, 0 updated" in answer.content.decode()
    assert list(Vehicle.objects.order_by("pk").values_list("license_plate", "company", "driver_name")) == [
        ("A-1", company_a.pk, "علي"),
        ("A-2", company_a.pk, ""),
    ]
    assert [row.history_user for row in Vehicle.history.all()] == [dispatcher, dispatcher]


def test_import_again_makes_no_duplicates(page, dispatcher):
    browser, sheet = page(dispatcher), f"{HEADER}\nA-1,Ford,Transit,2020,2.5,Ali,\n"
    confirm(browser, upload(browser, sheet))
    assert "0 new, 0 updated, 0 deleted and 1 skipped" in confirm(browser, upload(browser, sheet)).content.decode()
    changed = confirm(browser, upload(browser, sheet.replace("A-1,Ford", "a-1,Iveco").replace("Ali", "")))
    assert "0 new, 1 updated" in changed.content.decode()
    assert list(Vehicle.objects.values_list("license_plate", "make", "driver_name")) == [("a-1", "Iveco", "")]


def test_bad_cells_are_named_and_stop_their_rows_alone(page, dispatcher, company_b):
    browser = page(dispatcher)
    rows = ["A-1,Ford,Transit,2020,2.5,,", "A-2,Ford,Transit,20x0,2.5,,", "A-3,,Transit,2020,much,,<script>"]
    dry_run = upload(browser, "\n".join([HEADER, *rows]))
    assert [(row.number, sorted(row.error_dict)) for row in dry_run.context["result"].invalid_rows] == [
        (2, ["year"]),
        (3, ["capacity", "driver_phone", "make"]),
    ]
    body = dry_run.content.decode()
    assert "A valid integer is required." in body and "<bdi>&lt;script&gt;</bdi>" in body and "line 4" in body
    assert Vehicle.objects.count() == 0
    foreign = upload(browser, f"company,{HEADER}\n{company_b.name},A-1,Ford,Transit,2020,2.5,,\n")
    assert foreign.context["result"].invalid_rows[0].error_dict == {"company": ["Unknown company."]}


def test_what_changed_between_dry_run_and_confirmation_stops_the_import(page, dispatcher, viewer, company_a):
    browser = page(dispatcher)
    dry_run = upload(browser, f"{HEADER}\nA-1,Ford,Transit,2020,2.5,,\nA-2,Ford,Transit,2020,2.5,,\n")
    other = Company.objects.create(name="Other")
    Membership.objects.create(user=dispatcher, company=other)
    Membership.objects.filter(user=dispatcher, company=company_a).delete()
    answer = confirm(browser, dry_run)
    assert "Nothing was imported" in answer.content.decode()
    assert Vehicle.objects.count() == 0


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (f"{HEADER}\n".encode("utf-16"), "v.csv", "no rows below its header"),
        ("make,model,year\nFord,Transit,2020\n", "v.csv", "lacks these columns: license plate, capacity."),
        (f"{HEADER}\n", "v.csv", "no rows below its header"),
        ("", "v.csv", "empty"),
        ("\n\n", "v.csv", "header"),
        (f"{HEADER},make\nA-1,F,T,2020,1,,,x\n", "v.csv", "occur twice: make"),
        (HEADER + "\n" + "a,b,c,2020,1,,\n" * 100_000, "v.csv", f"at most {MAX_ROWS}"),
        (HEADER + "\n" + "x" * 10_500_000, "v.csv", "larger than 10 MB"),
        (b"\x00\x01", "v.csv", "NUL"),
        (b"PK\x03\x04nonsense", "v.xlsx", "not an XLSX workbook"),
        (b"a,b", "v.xlsx", "not an XLSX workbook"),
        (workbook(["make"], ["Ford"]), "v.xlsx", "lacks these columns"),
    ],
)
def test_files_that_cannot_be_read_say_why(page, dispatcher, content, name, message):
    answer = upload(page(dispatcher), content, name)
    assert answer.status_code == 200
    assert message in str(answer.context["form"].errors)
    assert "Traceback" not in answer.content.decode()
    assert Vehicle.objects.count() == 0


def test_import_from_a_workbook_and_with_semicolons(page, dispatcher):
    browser = page(dispatcher)
    rows = ["License Plate", "make", "model", "year", "capacity"], [12345, "Ford", "Transit", 2020.0, 2.5]
    confirm(browser, upload(browser, workbook(*rows), "v.xlsx"))
    semicolons = f"﻿{HEADER}\nB-2,Ford,Transit,2020,2.5,,\n".replace(",", ";")
    confirm(browser, upload(browser, semicolons))
    assert set(Vehicle.objects.values_list("license_plate", flat=True)) == {"12345", "B-2"}


def test_a_made_up_upload_is_gone(page, dispatcher):
    sent = {"import_file_name": "passwd", "original_file_name": "x", "format": "0", "resource": ""}
    answer = page(dispatcher).post(f"{LIST}process_import/", sent, follow=True)
    assert "upload it once more" in answer.content.decode()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝", " ="])
def test_j03_exports_hold_no_formula(page, dispatcher, company_a, start):
    Vehicle.objects.create(company=company_a, driver_name=f"{start}1+1", **{**FORD, "make": "شاحنة"})
    line = exported(page(dispatcher), 0).getvalue().decode("utf-8-sig")
    assert f"'{start}1+1" in line.replace("\r\n", "\n") and "شاحنة" in line
    book = openpyxl.load_workbook(io.BytesIO(exported(page(dispatcher), 1).getvalue()))
    cells = {cell.value: cell.data_type for row in book.active.iter_rows(min_row=2) for cell in row}
    assert "f" not in cells.values()
    assert any(str(value).startswith("'") for value in cells)


def test_an_export_imports_again_without_a_change(page, dispatcher, company_a):
    browser = page(dispatcher)
    Vehicle.objects.create(company=company_a, driver_name="=cmd()", driver_phone="+213 5", **FORD)
    for form, name in ((0, "v.csv"), (1, "v.xlsx")):
        answer = confirm(browser, upload(browser, exported(browser, form).getvalue(), name))
        assert "0 new, 0 updated, 0 deleted and 1 skipped" in answer.content.decode()


def test_exports_hold_own_rows_only(page, dispatcher_b, van):
    assert "ABC123" not in exported(page(dispatcher_b), 0).getvalue().decode()


def test_one_plate_in_four_spellings_is_one_vehicle(page, dispatcher, company_a):
    spellings = ["00123-116-16", "00123\u2011116\u201116", "\u200e00123\xa0116 16", "٠٠١٢٣-١١٦-١٦"]
    rows = [f"{plate},Ford,Transit,2020,2.5,," for plate in spellings]
    assert len(upload(page(dispatcher), "\n".join([HEADER, *rows])).context["mending"]["rows"]) == 4
    for row in rows:
        confirm(page(dispatcher), upload(page(dispatcher), f"{HEADER}\n{row}\n"))
    assert Vehicle.objects.count() == 1


def test_a_plate_typed_elsewhere_has_the_same_spelling(api, dispatcher, company_a):
    sent = {"license_plate": "٠٠١٢٣\u2011١١٦\u2011١٦", "make": "Ford", "model": "T", "year": 2020, "capacity": 2}
    answer = api(dispatcher).post("/api/vehicles/", sent, format="json")
    assert answer.json()["license_plate"] == "00123-116-16"
    assert api(dispatcher).post("/api/vehicles/", {**sent, "license_plate": "00123-116-16"}, format="json").status_code == 400


@pytest.mark.parametrize(
    ("heading", "cell", "tonnes"), [("Capacité (kg)", "3 500", 3.5), ("Charge utile", "3500 kg", 3.5), ("Capacité", "3,5 t", 3.5), ("Capacité", "3500", None)]
)
def test_capacities_in_kilograms(page, dispatcher, company_a, heading, cell, tonnes):
    answer = upload(page(dispatcher), f"Immatriculation;Marque;Modèle;Année;{heading}\n00123-116-16;Ford;T;2020;{cell}\n")
    assert len(answer.context["result"].invalid_rows) == (tonnes is None)
    if tonnes is not None:
        confirm(page(dispatcher), answer)
    assert [float(one.capacity) for one in Vehicle.objects.all()] == ([] if tonnes is None else [tonnes])


def test_a_plate_of_another_spelling_is_noted(page, dispatcher, company_a):
    sheet = f"{HEADER}\n{{}},Ford,Transit,2020,2.5,,\n"
    confirm(page(dispatcher), upload(page(dispatcher), sheet.format("ABC-123")))
    [row] = upload(page(dispatcher), sheet.format("abc 123")).context["result"].rows
    assert row.line.notes == ["Known as ABC-123"]
