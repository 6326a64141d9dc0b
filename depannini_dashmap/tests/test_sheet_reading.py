"""Files and cells as French, Arabic and English spreadsheets save them, read without a database."""

import datetime as dt
import io

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from depannini_dashmap.lib.sheets.csv_files import read_csv
from depannini_dashmap.lib.sheets.headings import Headings
from depannini_dashmap.lib.sheets.sheet_lines import SheetError
from depannini_dashmap.lib.sheets.tables import Table, read_table
from depannini_dashmap.lib.sheets.values import CellFault, Kind, read_cell
from depannini_dashmap.lib.sheets.workbooks import read_workbook
from fleet.sheets import VehicleResource
from orders.sheets import OrderResource

ORDERS = OrderResource.known_headings()
LINE = "client;marchandise;poids\nÉlodie;Carrelage;1 250,5\n"


def table(content: bytes, read=read_csv, headings: Headings = ORDERS) -> Table:
    return read_table(read(content, headings), headings, OrderResource.kinds, OrderResource.told_only)


def book(*sheets, active=0, merged=""):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets:
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if merged:
            sheet.merge_cells(merged)
    made.active = active
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_separators_and_ends_of_lines(encoding, separator, end):
    content = LINE.replace(";", separator).replace("\n", end).encode(encoding)
    row = table(content).rows[0]
    assert (row.cells["customer_name"], row.cells["goods_weight"], row.number) == ("Élodie", "1250.5", 2)


def test_arabic_of_an_old_spreadsheet():
    found = table("اسم العميل;البضاعة;الوزن\nأمال;خبز;١٢٫٥\n".encode())
    assert found.rows[0].cells == {"customer_name": "أمال", "goods_description": "خبز", "goods_weight": "12.5"}
    found = table("اسم العميل;البضاعة\nأمال;خبز\n".encode("cp1256"))
    assert found.rows[0].cells["customer_name"] == "أمال"
    assert found.remarks == ["Read as Windows-1256."]


def test_titles_above_blank_lines_trailing_separators_and_sep():
    text = 'sep=;\nExport du 28/11/2026;;;;\n;;;;\nClient;Marchandise;Adresse de livraison;;\n;;;;\n"A\nB";x;Oran;;\nC;y;Oran;;\n'
    found = table(text.encode())
    assert [(row.number, row.faults) for row in found.rows] == [(6, {}), (8, {})]
    assert found.rows[1].cells["delivery_address"] == "Oran"
    assert found.unused == []


def test_a_cell_split_by_a_separator_is_a_fault_of_its_row():
    found = table(b"customer_name,goods_description\nAmel,a,b\nAli,c,\n")
    assert [bool(row.faults) for row in found.rows] == [True, False]


def test_unused_columns_are_named_with_what_they_may_mean():
    found = table(b"customer_name,goods_description,goods_wieght,colour,status\nA,b,1,red,delivered\n")
    assert found.unused == ["goods_wieght (goods_weight?)", "colour", "status"]


@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("Pickup address", "pickup_address"), ("Address of delivery", "delivery_address"), ("Adresse de livraison", "delivery_address"),
        ("ADRESSE D’ENLÈVEMENT", "pickup_address"), ("Lat. livraison", "delivery_latitude"), ("Téléphone", "customer_phone"),
        ("Poids (kg)", "goods_weight"), ("N° commande", "order_number"), ("عنوان التسليم", "delivery_address"),
        ("رقم الهاتف", "customer_phone"), ("Date de livraison", "requested_delivery_date"), ("Drop-off name", "delivery_name"),
        ("Réf.", "reference"), ("Destinataire", "delivery_name"), ("Statut", "status"), ("Adresse", None), ("", None),
    ],
)  # fmt: skip
def test_headings_in_the_words_of_people(heading, column):
    assert ORDERS.column(heading) == column


@pytest.mark.parametrize(
    ("heading", "column"), [("Immatriculation", "license_plate"), ("Marque", "make"), ("Année", "year"), ("السائق", "driver_name")]
)
def test_headings_of_vehicles(heading, column):
    assert VehicleResource.known_headings().column(heading) == column


def test_the_sheet_with_the_header_counts_not_the_open_one():
    content = book(("Données", [["Titre"], ["Client", "Marchandise"], ["Amel", "x"]]), ("Aide", [["Lisez-moi"]]), active=1)
    found = table(content, read_workbook)
    assert found.rows[0].place("goods_description") == "Données!B3"
    assert any("Aide" in remark for remark in found.remarks)


def test_merged_cells_fill_downwards_and_blank_rows_keep_the_numbers():
    rows = [["Client", "Marchandise"], ["Amel", "x"], [None, "y"], [], [None, None], ["Ali", "z"]]
    found = table(book(("S", rows), merged="A2:A3"), read_workbook)
    assert [(row.number, row.cells["customer_name"]) for row in found.rows] == [(2, "Amel"), (3, "Amel"), (6, "Ali")]


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (dt.datetime(2026, 12, 1), "2026-12-01"), (46357, "2026-12-01"), ("46357", "2026-12-01"), ("01/12/2026", "2026-12-01"), ("1.12.26", "2026-12-01"),
        ("12/25/2026", "2026-12-25"), ("2026-12-01 08:30:00", "2026-12-01"), ("2026-12-01T00:00:00Z", "2026-12-01"), ("1 décembre 2026", "2026-12-01"),
        ("mar. 1 déc. 2026", "2026-12-01"), ("1er déc. 2026", "2026-12-01"), ("٠١/١٢/٢٠٢٦", "2026-12-01"), ("1 ديسمبر 2026", "2026-12-01"), ("31/02/2026", "31/02/2026"),
    ],
)  # fmt: skip
def test_dates(value, read):
    assert read_cell(value, Kind("date")) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("36,7386", "36.74"), ("1 250,5", "1250.5"), ("1\u202f250,5", "1250.5"), ("1\xa0250", "1250"), ("1.250,50", "1250.50"), ("1,250.50", "1250.50"),
        ("1,250,000", "1250000"), ("1'250.5", "1250.5"), ("12,5 kg", "12.5"), ("\u200e12", "12"), ("\u22125", "-5"), (2.5, "2.5"), (2020.0, "2020"),
        (0.1 + 0.2, "0.3"), ("1.2505E+03", "1250.5"), ("abc", "abc"), ("NaN", "NaN"), ("1e999", "1e999"),
    ],
)  # fmt: skip
def test_numbers(value, read):
    assert read_cell(value, Kind("number", unit="kg")) == read


def test_a_comma_that_may_mean_both_is_asked_for():
    with pytest.raises(CellFault, match="1250 or 1\\.250"):
        read_cell("1,250", Kind("number"))
    assert read_cell("1,250", Kind("number"), decimal_comma=True) == "1.25"
    assert read_cell("36,738", Kind("number", places=6)) == "36.738"
    assert read_cell(36.738600000000005, Kind("number", places=6)) == "36.7386"


@pytest.mark.parametrize("kind", ["text", "number", "date", "phone", "boolean", "plate"])
@pytest.mark.parametrize("text", ["#N/A", "#REF!", "#DIV/0!", "#VALEUR!", "#######"])
def test_errors_of_the_spreadsheet_are_no_values(kind, text):
    with pytest.raises(CellFault, match="error of the spreadsheet"):
        read_cell(text, Kind(kind))


@pytest.mark.parametrize("text", ["2.13556E+11", "2,13556E+11", "2E+08"])
@pytest.mark.parametrize("kind", ["phone", "plate", "key"])
def test_numbers_that_were_cut_off_identify_nothing(kind, text):
    with pytest.raises(CellFault, match="cut"):
        read_cell(text, Kind(kind))


def test_phones_and_plates_have_one_spelling():
    assert read_cell(213555123456, Kind("phone")) == read_cell(213555123456.0, Kind("phone")) == "213555123456"
    assert read_cell("\u202a05\xa055\u201112\u202f34 56\u202c", Kind("phone")) == "05 55-12 34 56"
    spellings = ["00123-116-16", "00123\u2011116\u201116", "\u200e00123-116-16\u200f", "٠٠١٢٣-١١٦-١٦"]
    assert {read_cell(text, Kind("plate")) for text in spellings} == {"00123-116-16"}


@pytest.mark.parametrize(("value", "read"), [("Oui", "true"), ("VRAI", "true"), ("نعم", "true"), (True, "true"), ("Faux", "false"), ("لا", "false"), (0, "false")])
def test_yes_and_no(value, read):
    assert read_cell(value, Kind("boolean")) == read


def test_neither_yes_nor_no():
    with pytest.raises(CellFault):
        read_cell("perhaps", Kind("boolean"))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe\x00", b"\x00\x01", b"\xff\xfe" + b"a\x00\x00\x00", b"sep=x\na\n", b"a\n", b'"' * 500])
def test_files_that_are_none_end_in_a_sentence(content):
    with pytest.raises(SheetError):
        table(content)


def test_corrections_show_what_was_read_differently():
    found = table(b"Client;Marchandise;Latitude livraison\nA;b;36,7386\n")
    assert found.rows[0].corrections == [("delivery_latitude", "36,7386", "36.7386")]


@pytest.mark.parametrize("content", [b"," * 9_000_000, (b"," * 300_000 + b"\n") * 30, b"a;" * 4_000_000, b"customer_name,goods_description\n" + b"x" * 9_000_000])
def test_large_lines_are_not_looked_through_for_headings(content, monkeypatch):
    looked = []
    monkeypatch.setattr(Headings, "count", lambda self, cells: looked.append(sum(map(len, list(cells)))) or 0)
    with pytest.raises(SheetError):
        table(content)
    assert sum(looked) < 2_000_000


def test_workbooks_that_count_from_1904_have_their_right_dates():
    made = openpyxl.Workbook()
    made.epoch = CALENDAR_MAC_1904
    sheet = made.active
    sheet.append(["Client", "Marchandise", "Date de livraison"])
    sheet.append(["Amel", "x", dt.date(2026, 12, 1)])
    sheet.append(["Ali", "y", (dt.date(2026, 12, 1) - dt.date(1904, 1, 1)).days])
    stream = io.BytesIO()
    made.save(stream)
    found = table(stream.getvalue(), read_workbook)
    assert [row.cells["requested_delivery_date"] for row in found.rows] == ["2026-12-01", "2026-12-01"]
