"""Sheets in which a value may be taken for another one: it is refused, or read as it was meant and shown."""

import datetime as dt
import io

import openpyxl
import pytest

from accounts.models import Company
from fleet.tests.sheets import confirm, upload
from orders.models import Order, Stop

LIST = "/admin/orders/order/"
START = "Client;Marchandise;"


@pytest.fixture
def browser(client, dispatcher):
    client.force_login(dispatcher)
    return client


def looked_at(browser, content):
    """Upload a sheet; returns its rows as the preview has them, good and bad."""
    name = "o.xlsx" if isinstance(content, bytes) and content.startswith(b"PK") else "o.csv"
    answer = upload(browser, content, name, LIST)
    return answer, [(row.import_type, row.line) for row in answer.context["result"].rows]


def of_column(browser, heading, cells, column):
    """Upload a column of cells; returns for each the value that it was read as, None where it was refused."""
    body = "".join(f"Amel {number};x;{cell}\n" for number, cell in enumerate(cells))
    _answer, rows = looked_at(browser, f"{START}{heading}\n{body}")
    return [None if kind == "invalid" else line.cells[column] for kind, line in rows]


def workbook(*rows):
    made, stream = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        made.active.append(row)
    made.save(stream)
    return stream.getvalue()


# --- numbers and their units ---
def test_numbers_that_are_none_or_may_be_two_are_refused(browser):
    cells = ["1.250", "1.2.3", "12 34", "1,234,5", "12,345,67", "1.234,5", "1 234,5", "1'234.5", "1,23,456", "1 234 567"]
    assert of_column(browser, "Poids", cells, "goods_weight") == [None] * 5 + ["1234.5", "1234.5", "1234.5", "123456", "1234567"]


@pytest.mark.parametrize(
    ("heading", "column", "cells", "read"),
    [
        ("Poids (t)", "goods_weight", ["1,5", "800 kg", "2 t"], ["1500.0", "800", "2000"]),
        ("Poids", "goods_weight", ["1,2 t", "800 g", "12 kgs"], ["1200.0", "0.80", "12"]),
        ("Volume (L)", "goods_volume", ["200", "1 m³"], ["0.20", "1"]),
        ("Prix", "price", ["1 500,00 DA", "15 €", "-"], ["1500.00", None, ""]),
        ("Prix (€)", "price", ["15", "1500 دج"], [None, "1500"]),
    ],
)
def test_units_of_headings_and_cells_are_converted_or_refused(browser, heading, column, cells, read):
    assert of_column(browser, heading, cells, column) == read


def test_the_conversion_is_shown(browser):
    answer, rows = looked_at(browser, f"{START}Poids (t)\nAmel;x;2\n")
    assert rows[0][1].corrections == [("goods_weight", "2", "2000")]
    confirm(browser, answer, LIST)
    assert Order.objects.get().goods_weight == 2000


# --- dates ---
@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["12/01/2026", "12/13/2026"], ["2026-12-01", "2026-12-13"]),
        (["12/01/2026", "13/12/2026"], ["2026-01-12", "2026-12-13"]),
        (["12/01/2026", "13/12/2026", "12/14/2026", "5/5/2026"], [None, "2026-12-13", "2026-12-14", "2026-05-05"]),
        (["1447/06/10", "0026-12-01", "2206-12-01", "26-12-01", "1/12/99"], [None] * 5),
        (["2026-11-30T23:00:00.000Z", "2026-12-01T00:00:00Z", "2026-12-01T00:30:00+02:00"], ["2026-12-01"] * 3),
        (["mardi 01/12/2026", "01/12/2026 08h30", "12/1/26, 8:30 AM", "Dec 1st, 2026"], ["2026-12-01", "2026-12-01", "2026-01-12", "2026-12-01"]),
    ],
)
def test_dates_are_read_as_their_column_writes_them(browser, cells, read):
    assert of_column(browser, "Date de livraison", cells, "requested_delivery_date") == read


def test_dates_that_a_spreadsheet_may_have_swapped_are_named(browser):
    head = ["Client", "Marchandise", "Date de livraison"]
    answer, rows = looked_at(browser, workbook(head, ["Amel", "x", dt.datetime(2026, 1, 12)], ["Ali", "y", "12/13/2026"]))
    assert [line.cells["requested_delivery_date"] for _kind, line in rows] == ["2026-01-12", "2026-12-13"]
    assert any("day and month swapped" in remark for remark in answer.context["table"]["remarks"])


# --- what identifies something ---
def test_phones(browser):
    cells = ["555123456.0", "0555123456 661223344", "0555 12 34 56 / 0661 23 45 67", "-", "+213 (0)555 12 34 56"]
    assert of_column(browser, "Téléphone", cells, "customer_phone") == ["555123456", None, None, "", "+213 (0)555 12 34 56"]


def test_what_a_spreadsheet_made_of_a_reference_is_refused(browser):
    head = ["Client", "Marchandise", "Référence", "Notes livraison", "Nom livraison", "Adresse livraison"]
    references = [dt.datetime(2026, 3, 1), 12345678901234567890.0, 12, "12E3", "1.5E+10"]
    noon = dt.datetime(2026, 12, 1, 12, 30)
    _answer, rows = looked_at(browser, workbook(head, *(["Amel", "x", reference, noon, "n", "a"] for reference in references)))
    assert [kind for kind, _line in rows] == ["invalid", "invalid", "new", "new", "invalid"]
    assert rows[2][1].cells["delivery_notes"] == "2026-12-01 12:30"


@pytest.mark.parametrize(("first", "again"), [("A-1", "a-1"), ("B 2", "b  2"), ("7", "٧"), ("é1", "É1")])
def test_a_reference_in_another_spelling_is_the_same_order(browser, first, again):
    for reference, customer in ((first, "Amel"), (again, "Ali")):
        answer, rows = looked_at(browser, f"{START}Référence\n{customer};x;{reference}\n")
        confirm(browser, answer, LIST)
    assert list(Order.objects.values_list("reference", "customer_name")) == [(first, "Ali")]
    assert rows[0][1].notes == [f"Known as {first}"]


def test_a_reference_that_two_orders_have_in_other_spellings_is_asked_for(browser, company_a):
    for spelling in ("A1", "a1"):
        Order.objects.create(company=company_a, order_number=f"ORD-{spelling}", reference=spelling, customer_name="x", goods_description="y")
    assert of_column(browser, "Référence", ["A 1"], "reference") == [None]
    assert of_column(browser, "Référence", ["a1"], "reference") == ["a1"]


# --- places ---
PLACE = "Client;Marchandise;Référence;Nom livraison;Adresse livraison;Latitude livraison;Longitude livraison\nAmel;x;R1;Shop;{};{};{}\n"


@pytest.mark.parametrize(
    ("latitude", "longitude", "read"),
    [
        ("3.05 E", "36.75 N", None),
        ("36°45.2'N", "N3.05", None),
        ("36°45.2'N", "E 3°03'", ("36.753333", "3.05")),
        ("36º45'12\"N", "3,05", ("36.753333", "3.05")),
        ("0", "0.000", ("", "")),
        ("36.7386, 3.05", "", ("36.7386", "3.05")),
        ("https://www.google.com/maps/dir/36.70,3.00/36.75,3.05", "", None),
        ("3.05E 36.75N", "", ("36.75", "3.05")),
        ("36.738.600", "3.05", None),
    ],
)
def test_places(browser, latitude, longitude, read):
    _answer, [(kind, line)] = looked_at(browser, PLACE.format("Oran", latitude, longitude))
    assert (None if kind == "invalid" else (line.cells["delivery_latitude"], line.cells["delivery_longitude"])) == read


def test_swapped_coordinates_are_noted(browser, company_a):
    Company.objects.update(depot_name="Dépôt", depot_address="Rouiba", depot_latitude="36.7386", depot_longitude="3.2841")
    _answer, [(_kind, line)] = looked_at(browser, PLACE.format("Alger", "3.05", "36.75"))
    assert "swapped" in line.notes[0] and line.cells["delivery_latitude"] == "36.75"
    _answer, [(_kind, line)] = looked_at(browser, PLACE.format("Tamanrasset", "22.785", "5.5228"))
    assert len(line.notes) == 1


def places_of(browser, *places, depot=None):
    """Upload a row for each place (latitude, longitude); returns what each was read as, and the notes of all rows."""
    sheet = "Client;Marchandise;Nom livraison;Adresse livraison;Latitude livraison;Longitude livraison\n"
    sheet += "".join(f"Amel {n};x;Shop {n};Rue {n};{latitude};{longitude}\n" for n, (latitude, longitude) in enumerate(places))
    answer, rows = looked_at(browser, sheet)
    read = [(float(line.cells["delivery_latitude"]), float(line.cells["delivery_longitude"])) for _kind, line in rows]
    return answer, read, [note for _kind, line in rows for note in line.notes if "swapped" in note]


ALGIERS = [(36.75, 3.05), (36.76, 3.06), (36.6, 2.9), (35.7, -0.64)]


def test_coordinates_that_are_swapped_against_the_rest_of_the_file_are_turned_and_shown(browser):
    answer, read, notes = places_of(browser, *ALGIERS, (3.1, 36.7))
    assert read == [*ALGIERS, (36.7, 3.1)] and len(notes) == 1 and "36.7, 3.1" in notes[0]
    page = answer.content.decode()
    assert "were swapped" in page
    confirm(browser, answer, LIST)
    assert float(Stop.objects.latest("pk").latitude) == 36.7
    # The same file again makes nothing, and neither does it once its places are known.
    _answer, rows = looked_at(browser, "Client;Marchandise;Nom livraison;Adresse livraison;Latitude livraison;Longitude livraison\nAmel 4;x;Shop 4;Rue 4;3.1;36.7\n")
    assert [kind for kind, _line in rows] == ["skip"]


def test_earlier_places_of_the_company_say_what_is_swapped(browser, company_a, company_b):
    Stop.objects.create(company=company_b, name="x", address="x", latitude="3.0", longitude="36.7")
    assert places_of(browser, (3.1, 36.7))[1] == [(3.1, 36.7)]  # nothing is known yet
    Stop.objects.create(company=company_a, name="x", address="x", latitude="36.7", longitude="3.0")
    assert places_of(browser, (3.1, 36.7), (36.2, 4.2))[1] == [(36.7, 3.1), (36.2, 4.2)]


@pytest.mark.parametrize(
    "places",
    [
        [*ALGIERS, (48.85, 2.35)],  # a customer abroad
        [*ALGIERS[:2], (3.1, 36.7)],  # two others are too few
        [(36.75, 3.05), (36.76, 3.06), (3.1, 36.7), (3.2, 36.8)],  # which half is swapped?
        [(36.7, 36.2), (36.8, 36.3), (36.9, 36.1), (36.1, 36.9)],  # near itself
        [*ALGIERS, (5.5, 122.8)],
    ],
)
def test_places_of_which_nobody_can_say_it_stay(browser, places):
    assert places_of(browser, *places)[1] == places


def test_a_place_found_by_hand_stays_with_its_address(browser):
    def bring(sheet):
        answer, rows = looked_at(browser, sheet)
        confirm(browser, answer, LIST)
        return rows[0]

    bring(PLACE.format("Oran", "", ""))
    Stop.objects.update(latitude="35.7", longitude="-0.6")
    assert bring(PLACE.format("Oran", "", ""))[0] == "skip"
    assert Stop.objects.get().latitude is not None
    without_columns = "Référence;Client;Marchandise;Nom livraison;Adresse livraison\nR1;Amel;x;Shop;Blida\n"
    assert any("to be found again" in note for note in bring(without_columns)[1].notes)
    assert (Stop.objects.get().address, Stop.objects.get().latitude) == ("Blida", None)


# --- lines ---
@pytest.mark.parametrize("word", ["Total", "TOTAL :", "المجموع", "Total général"])
def test_a_last_line_that_adds_up_the_others_is_no_order(browser, word):
    answer, rows = looked_at(browser, f"{START}Poids;Prix\nAmel;x;1,5;100\nAli;y;20;50\n{word};2 colis;21,5;150\n")
    assert [line.number for _kind, line in rows] == [2, 3]
    assert answer.context["table"]["remarks"] == [f"Line 4 adds up the lines above it ({word}) and was left out."]


SUBTOTALS = """Client;Marchandise;Poids;Prix
Amel;x;1,5;100
Ali;y;20;50
{sub} Alger;;21,5;150
Lila;x;2;10
Omar;z;3;20
{sub};2 colis;5;30
{total};;26,5;180
"""


@pytest.mark.parametrize(
    ("sub", "total"),
    [("Sous-total", "Total général"), ("SOUS TOTAL", "TOTAL"), ("Subtotal", "Grand Total"), ("المجموع الفرعي", "الإجمالي"), ("المجموع", "المجموع العام"), ("Total", "Total")],
)
def test_subtotals_between_orders_are_no_orders_and_named(browser, sub, total):
    answer, rows = looked_at(browser, SUBTOTALS.format(sub=sub, total=total))
    assert [line.number for _kind, line in rows] == [2, 3, 5, 6]
    [remark] = answer.context["table"]["remarks"]
    assert all(f"{number} ({text}" in remark for number, text in ((4, sub), (7, sub), (8, total)))
    confirm(browser, answer, LIST)
    assert Order.objects.count() == 4


@pytest.mark.parametrize("line", ["Sous-total;3 colis;9;", "Sous-total Oran;y;9;1", ";Total;9;", "Total;;9;", "3;Total général;9;", "TOTAL : 9 kg;;;", "À reporter;x;9;"])
def test_a_total_that_is_not_the_sum_is_left_out_and_said(browser, line):
    answer, rows = looked_at(browser, f"Client;Marchandise;Poids;Prix\nAmel;x;1,5;100\nAli;y;20;50\n{line}\nOmar;z;3;20\n")
    assert [line.number for _kind, line in rows] == [2, 3, 5]
    assert "4 (" in answer.context["table"]["remarks"][0] or "Line 4" in answer.context["table"]["remarks"][0]


@pytest.mark.parametrize("line", ["Total Energies;fuel;3;", "Totalplan;x;21,5;150", "Total;fuel;20;50", "Amel;Total;1;1", "Summer SARL;x;1;1", "Report SA;x;1;1", "Somme Transport;x;1;1", "S.T. Frères;x;1;1"])
def test_names_that_begin_like_totals_are_customers(browser, line):
    answer, rows = looked_at(browser, f"Client;Marchandise;Poids;Prix\nAmel;x;1,5;100\nAli;y;20;50\n{line}\nOmar;z;3;20\n")
    assert [(kind, line.number) for kind, line in rows] == [("new", number) for number in (2, 3, 4, 5)]
    assert answer.context["table"]["remarks"] == []


def test_a_workbook_that_is_grouped_has_its_subtotals_left_out(browser):
    rows = [("Client", "Marchandise", "Poids"), ("Amel", "x", 1), ("Ali", "y", 2), ("Sous-total", None, 3), ("Lila", "z", 4), ("Sous-total", None, 4), ("Total général", None, 7)]
    answer, read = looked_at(browser, workbook(*rows))
    assert [line.number for _kind, line in read] == [2, 3, 5]
    assert "4 (Sous-total)" in answer.context["table"]["remarks"][0]


def test_a_customer_may_be_called_total(browser):
    answer, rows = looked_at(browser, f"{START}Poids\nAmel;x;1\nAli;y;2\nTotal;fuel;500\n")
    assert len(rows) == 3 and "begins with Total" in answer.context["table"]["remarks"][0]
    assert looked_at(browser, f"{START}Poids\nAmel;x;1\nTotal;y;2\nAli;z;3\n")[0].context["table"]["remarks"] == []


@pytest.mark.parametrize("text", ['Amel,"x\nAli,y\nLila,z\n', 'Amel,"x\nAli,y\nLila,"z\n', '"Amel,x\nAli,y\n'])
def test_a_quotation_mark_that_is_not_closed_swallows_no_orders(browser, text):
    answer, rows = looked_at(browser, "customer_name,goods_description\nOmar,w\n" + text)
    assert [(kind, line.number) for kind, line in rows] == [("new", 2), ("invalid", 3)]
    assert "lines were read as one row" in answer.content.decode()


def test_misplaced_quotation_marks_are_letters(browser):
    sheet = 'customer_name;goods_description\nLila;"32" TV\n"Sidi "Ali" bou";x\n"Amel ""la grande""";"a\nb"\n'
    _answer, rows = looked_at(browser, sheet)
    read = [(line.cells["customer_name"], line.cells["goods_description"]) for _kind, line in rows]
    assert read == [("Lila", '"32" TV'), ('"Sidi "Ali" bou"', "x"), ('Amel "la grande"', "a\nb")]


@pytest.mark.parametrize("encoding", ["mac_roman", "cp850", "cp1252", "utf-8"])
def test_letters_of_old_computers(browser, encoding):
    _answer, [(_kind, line)] = looked_at(browser, "Client;Marchandise\nÉlodie;Dépôt à côté\n".encode(encoding))
    assert (line.cells["customer_name"], line.cells["goods_description"]) == ("Élodie", "Dépôt à côté")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_arabic_in_utf_16_without_its_mark(browser, encoding):
    _answer, [(_kind, line)] = looked_at(browser, "الزبون;البضاعة\nأمال علي حسن;خبز كبير جدا\n".encode(encoding))
    assert line.cells["customer_name"] == "أمال علي حسن"


def test_one_damaged_letter_does_not_spoil_the_others(browser):
    answer, rows = looked_at(browser, "Client;Marchandise\nÉlodie;Dépôt\nAmel;caf".encode() + b"\xe9\n")
    assert [line.cells["customer_name"] for _kind, line in rows] == ["Élodie", "Amel"]
    assert any("cannot be read" in remark and "3" in remark for remark in answer.context["table"]["remarks"])


@pytest.mark.parametrize(
    ("cell", "windows"),
    [
        ("8h à 10h30", "08:00-10:30"), ("de 08:00 à 10:00", "08:00-10:00"), ("8:30 AM - 1 PM", "08:30-13:00"), ("12 AM-12 PM", "00:00-12:00"),
        ("22h-24h00", "22:00-23:59"), ("٨ إلى ١٠", "08:00-10:00"), ("8-10, 14 to 16", "08:00-10:00, 14:00-16:00"),
        ("24:00-25:00", None), ("13 PM-14 PM", None), ("matin", None), ("22:00-02:00", None), ("08:30", None),
    ],
)  # fmt: skip
def test_windows_of_clock_times(browser, cell, windows):
    sheet = f"Client,Marchandise,Nom livraison,Adresse livraison,Créneau livraison\nAmel,x,n,a,\"{cell}\"\n"
    answer, [(kind, _line)] = looked_at(browser, sheet)
    assert (kind == "new") is (windows is not None)
    if windows:
        confirm(browser, answer, LIST)
        assert Stop.objects.get().written_windows == windows


def test_the_day_of_the_order_is_no_day_of_delivery(browser):
    _answer, [(_kind, line)] = looked_at(browser, f"{START}Date de commande;Date\nAmel;x;30/11/2026;01/12/2026\n")
    assert line.cells["requested_delivery_date"] == "2026-12-01"


def test_a_unit_that_is_not_known_is_named(browser):
    answer, _rows = looked_at(browser, f"{START}Prix (k DA);Poids (kg)\nAmel;x;15;2\n")
    assert answer.context["table"]["remarks"] == ["Prix (k DA): no unit that is known; numbers without one are read as dzd."]


def test_texts_that_were_kept_from_becoming_numbers(browser):
    _answer, [(_kind, line)] = looked_at(browser, f'{START}Téléphone;Référence\nAmel;x;="0555123456";="001"\n')
    assert (line.cells["customer_phone"], line.cells["reference"]) == ("0555123456", "001")
    assert len(line.corrections) == 2


def test_lines_that_rule_off_others_are_no_orders(browser):
    answer, rows = looked_at(browser, f"{START}Poids\nAmel;x;1\n---;---;---\nAli;y;2\n======;;\n…;…;\n")
    assert [line.number for _kind, line in rows] == [2, 4]
    assert answer.context["table"]["remarks"] == ["Lines without a letter or digit were left out: 3, 5, 6."]


def test_durations_as_people_write_them(browser):
    cells = ["1h30", "0:15", "00:45:00", "15'", "2 h", "1 h 05 min", "1:75", "20"]
    body = "".join(f"Amel {number};x;Shop;Alger;{cell}\n" for number, cell in enumerate(cells))
    _answer, rows = looked_at(browser, f"{START}Nom livraison;Adresse livraison;Durée livraison\n{body}")
    read = [None if kind == "invalid" else line.cells["delivery_service_minutes"] for kind, line in rows]
    assert read == ["90", "15", "45", "15", "120", "65", None, "20"]


@pytest.mark.parametrize("text", ["8h30-12h et 14h-18h", "08:30-12:00/14:00-18:00", "08:30-12:00\n14:00-18:00", "8:30-12:00 & 14:00-18:00", "٨:٣٠-١٢:٠٠ و ١٤:٠٠-١٨:٠٠"])
def test_two_windows_as_people_write_them(browser, text):
    sheet = workbook(("Client", "Marchandise", "Nom livraison", "Adresse livraison", "Créneau livraison"), ("Amel", "x", "Shop", "Alger", text))
    answer, [(kind, _line)] = looked_at(browser, sheet)
    confirm(browser, answer, LIST)
    assert kind == "new" and [row["opens"] for row in Stop.objects.get().windows] == ["08:30:00", "14:00:00"]


def test_a_place_whose_sign_was_lost_is_noted(browser, company_a):
    Company.objects.update(depot_name="Dépôt", depot_address="Rouiba", depot_latitude="36.7386", depot_longitude="3.2841")
    _answer, [(_kind, line)] = looked_at(browser, PLACE.format("Alger", "-36.75", "3.05"))
    assert any("from all places that are known" in note for note in line.notes)


def test_seconds_of_arc_in_their_own_signs(browser):
    _answer, [(_kind, line)] = looked_at(browser, "Client;Marchandise;Adresse livraison;GPS livraison\nA;x;Alger;36°45′14″N 3°03′32″E\n")
    assert (line.cells["delivery_latitude"], line.cells["delivery_longitude"]) == ("36.753889", "3.058889")


def test_a_reference_that_a_program_wrote_as_a_number_is_the_same_order(browser):
    answer, _rows = looked_at(browser, "Référence;Client;Marchandise\n1001;Amel;x\n")
    confirm(browser, answer, LIST)
    _answer, [(kind, line)] = looked_at(browser, "Référence;Client;Marchandise\n1001.0;Amel;y\n")
    assert (kind, line.notes[0]) == ("update", "Known as 1001")
    _answer, rows = looked_at(browser, "Référence;Client;Marchandise\n1002.0;Amel;y\n1002;Amel;y\n")
    assert [kind for kind, _line in rows] == ["invalid", "invalid"]
