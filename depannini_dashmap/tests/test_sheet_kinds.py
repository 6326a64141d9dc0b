"""Sheets as they are really given: headers of two lines, what a spreadsheet hides, formulas without results, other kinds of files."""

import io
import zipfile

import openpyxl
import pytest

from depannini_dashmap.lib.sheets.files import read_page
from depannini_dashmap.lib.sheets.other_files import refuse_other_kinds
from depannini_dashmap.lib.sheets.sheet_lines import SheetError
from depannini_dashmap.lib.sheets.tables import Table, read_table
from depannini_dashmap.lib.sheets.values import Kind, read_cell
from depannini_dashmap.tests.test_sheet_reading import book
from fleet.tests.sheets import confirm, upload
from orders.models import Order
from orders.sheets import OrderResource

ORDERS = OrderResource.known_headings()
LIST = "/admin/orders/order/"


def table(content) -> Table:
    content = content.encode() if isinstance(content, str) else content
    return read_table(read_page(content, ORDERS), ORDERS, OrderResource.kinds, OrderResource.told_only)


def workbook(fill) -> bytes:
    made, stream = openpyxl.Workbook(), io.BytesIO()
    fill(made)
    made.save(stream)
    return stream.getvalue()


def archive(**members) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return stream.getvalue()


# --- headers ---
@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            "Client;Marchandise;Enlèvement;;Livraison;\n;;Nom;Adresse;Nom;Adresse\nAmel;x;A;1 rue;B;2 rue\n",
            "customer_name goods_description pickup_name pickup_address delivery_name delivery_address",
        ),
        (
            "Client;;Colis;;Livraison;\nNom;Téléphone;Description;Poids (kg);Adresse;Date\nAmel;055;x;2;1 rue;01/12/2026\n",
            "customer_name customer_phone goods_description goods_weight delivery_address requested_delivery_date",
        ),
        ("الزبون;البضاعة;التسليم;\n;;اسم;عنوان\nأمال;خبز;علي;شارع\n", "customer_name goods_description delivery_name delivery_address"),
        ("Client;Marchandise;Poids\n;;kg\nAmel;x;2\n", "customer_name goods_description goods_weight"),
        ("Client;Marchandise;Poids\nالزبون;البضاعة;الوزن\nAmel;x;2\n", "customer_name goods_description goods_weight"),
        ("Bon;;;\nClient;Marchandise;Destination;Observation\n;;Adresse;\nAmel;x;Oran;o\n", "customer_name goods_description delivery_address"),
    ],
)
def test_a_header_of_two_lines_is_read_together(text, read):
    found = table(text)
    assert (found.columns, len(found.rows)) == (read.split(), 1)
    assert "The header takes two lines, which were read together." in found.remarks


@pytest.mark.parametrize(
    "text",
    [
        "Client;Marchandise;Livraison\nAmel;x;Adresse\nAli;y;z\n",
        "Livraisons;Oran\nClient;Marchandise;Adresse\nAmel;x;1 rue\nAli;y;2 rue\n",
        "Client / الزبون;Marchandise / البضاعة\nAmel;x\nAli;y\n",
        "Client;Marchandise\nClient;x\nAli;y\n",
    ],
)
def test_one_line_that_is_enough_is_not_joined(text):
    found = table(text)
    assert [row.cells["customer_name"] for row in found.rows][1] == "Ali"
    assert not any("two lines" in remark for remark in found.remarks)


def test_merged_cells_of_a_header_span_their_columns_and_no_more():
    def fill(made):
        sheet = made.active
        sheet.append(["Bons de la semaine"])
        sheet.append(["Client", "Marchandise", "Enlèvement", None, "Notes", "Livraison", None, "Code"])
        sheet.append([None, None, "Nom", "Adresse", None, "Nom", "Adresse", None])
        sheet.append(["Amel", "x", "Dépôt", "1 rue", "vite", "Ali", "2 rue", "Z"])
        for cells in ("A1:H1", "A2:A3", "B2:B3", "C2:D2", "E2:E3", "F2:G2"):
            sheet.merge_cells(cells)

    found = table(workbook(fill))
    assert found.rows[0].cells["delivery_address"] == "2 rue"
    assert found.header == [
        "Client", "Marchandise", "Enlèvement Nom", "Enlèvement Adresse", "Notes", "Livraison Nom", "Livraison Adresse", "Code"
    ]  # fmt: skip
    assert (found.unused, found.rows[0].number) == (["Notes", "Code"], 4)


def test_a_heading_over_two_columns_names_what_stands_in_the_second():
    found = table(book(("S", [["Client", "Marchandise", "Adresse de livraison", None], ["Amel", "x", "1 rue", "Oran"]]), merged="C1:D1"))
    assert found.rows[0].cells["delivery_address"] == "1 rue"
    assert found.unused == ["column D, without a heading"]


def test_a_header_that_pages_repeat_is_no_order():
    found = table("Client;Marchandise\nAmel;x\nClient;Marchandise\nAli;y\n")
    assert [row.number for row in found.rows] == [2, 4]
    assert found.remarks == ["Lines that repeat the header were left out: 3."]


@pytest.mark.parametrize("heading", ["N°", "Num.", "No"])
def test_the_number_of_a_line_is_no_order_number(heading):
    assert ORDERS.column(heading) is None
    assert ORDERS.column("N° commande") == ORDERS.column("orderNumber") == "order_number"


# --- one column ---
def test_a_file_of_one_column_lacks_the_others():
    found = table("customer_name\nAmel\n")
    with pytest.raises(SheetError, match="lacks these columns: goods description"):
        OrderResource().check_columns(found.columns)


@pytest.mark.parametrize(
    "content",
    [
        '"Client;Marchandise;Poids"\n"Amel, Sarl;x;1,5"\n',
        book(("S", [["Client;Marchandise;Poids"], ["Amel, Sarl;x;1,5"]])),
    ],
    ids=["csv", "xlsx"],
)
def test_lines_that_are_one_cell_are_taken_apart(content):
    found = table(content)
    assert found.rows[0].cells == {"customer_name": "Amel, Sarl", "goods_description": "x", "goods_weight": "1.5"}
    assert found.remarks == ["Every line was one cell; it was taken apart at “;”."]


# --- what a workbook hides, and what it does not hold ---
def test_hidden_rows_and_columns_are_read_and_named():
    def fill(made):
        sheet = made.active
        sheet.append(["Client", "Marchandise", "Poids"])
        for number in range(4):
            sheet.append([f"Client {number}", "x", number])
        sheet.row_dimensions[3].hidden = sheet.row_dimensions[4].hidden = True
        sheet.column_dimensions["C"].hidden = True

    found = table(workbook(fill))
    assert [(row.number, row.notes) for row in found.rows] == [(2, []), (3, ["hidden in the file"]), (4, ["hidden in the file"]), (5, [])]
    assert found.remarks == [
        "Rows that the spreadsheet hides are read as well: 2, in the lines 3, 4. Delete them there if they are not meant.",
        "Columns that the spreadsheet hides are read as well: C (Poids).",
    ]


def test_a_hidden_sheet_counts_only_where_no_other_has_a_header():
    def fill(made):
        made.active.append(["Client", "Marchandise"])
        made.active.append(["Amel", "x"])
        hidden = made.create_sheet("Old")
        hidden.append(["Client", "Marchandise", "Poids"])
        hidden.append(["Ali", "y", 2])
        hidden.sheet_state = "hidden"

    found = table(workbook(fill))
    assert [row.cells["customer_name"] for row in found.rows] == ["Amel"]
    assert found.remarks == ["Read from the sheet Sheet, not from: Old."]


def test_formulas_without_a_result_are_faults_of_their_cells_never_empty():
    rows = [["Client", "Marchandise", "Poids"], ["Amel", "x", "=1+1"], ["Ali", "y", 3], ["=A2", "=B2", "=C2&\"<\""]]
    found = table(book(("S", rows)))
    assert [(row.number, sorted(row.faults)) for row in found.rows] == [
        (2, ["goods_weight"]), (3, []), (4, ["customer_name", "goods_description", "goods_weight"])
    ]  # fmt: skip
    assert found.rows[0].faults["goods_weight"] == [
        "The result of =1+1 is not in the file: open it in the spreadsheet, save it and upload it again."
    ]
    assert "No spreadsheet has computed the formulas" in found.remarks[0]


@pytest.mark.parametrize(("cell", "read"), [('<c r="C2" t="str"><f>""</f><v></v></c>', ""), ('<c r="C2"><f>1+1</f><v>2</v></c>', "2")])
def test_formulas_with_a_result_are_values_an_empty_one_too(cell, read):
    made = book(("S", [["Client", "Marchandise", "Poids"], ["Amel", "x", "=1+1"]]))
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            part = old.read(name).replace(b'<c r="C2"><f>1+1</f><v /></c>', cell.encode()).replace(b' fullCalcOnLoad="1"', b"")
            new.writestr(name, part)
    found = table(stream.getvalue())
    assert (found.rows[0].cells["goods_weight"], found.rows[0].faults, found.remarks) == (read, {}, [])


def test_a_sheet_whose_cells_are_locked_is_read():
    def fill(made):
        made.active.append(["Client", "Marchandise"])
        made.active.append(["Amel", "x"])
        made.active.protection.sheet = made.security.lockStructure = True
        made.active.protection.password = "secret"

    assert table(workbook(fill)).rows[0].cells["customer_name"] == "Amel"


# --- other kinds of files ---
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password: open it, save a copy without the password"),
        (OLE, "old kind (.xls): save it as .xlsx"),
        (archive(mimetype="application/vnd.oasis.opendocument.spreadsheet", content_DOT_xml="<x/>"), "OpenDocument sheet (.ods)"),
        (archive(META__manifest="", content_DOT_xml="<x/>"), "OpenDocument sheet (.ods)"),
        (archive(xl__workbook_DOT_bin=""), "binary workbook (.xlsb)"),
        (archive(Index__Document_DOT_iwa=""), "Numbers document"),
        (archive(word__document_DOT_xml=""), "not a workbook"),
        (archive(orders_DOT_csv="a,b"), "packed file: unpack it"),
        (b"\x1f\x8b\x08" + b"\0" * 20, "packed file: unpack it"),
        (b"<html><table><tr><td>Client</td></tr></table></html>", "web page"),
        ("\ufeff<table border=1>".encode(), "web page"),
        ('<meta http-equiv="Content-Type">'.encode("utf-16"), "web page"),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related", "web page"),
        (b"%PDF-1.7\n", "PDF"),
    ],
)
def test_other_kinds_are_called_by_name_with_the_remedy(content, said):
    for name in ("orders.xls", "orders.xlsx", "orders.csv"):
        if name == "orders.xlsx" and not content.startswith((b"PK", b"\xd0")) and said != "web page":
            continue  # whose name says already that it is not what it holds
        with pytest.raises(SheetError) as refused:
            refuse_other_kinds(content, name)
        assert said in str(refused.value)


# --- cells ---
@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("36°44'19\"N", "36.738611"), ("3° 5′ 10″ O", "-3.086111"), ("36.7386 N", "36.7386"), ("3,05° W", "-3.05"), ("36°75'00\"N", "36°75'00\"N"),
        ("-0°30'", "-0.5"),
    ],
)  # fmt: skip
def test_coordinates_of_other_notations(value, read):
    assert read_cell(value, Kind("number", places=6)) == read


@pytest.mark.parametrize("text", ["1-déc-26", "20261201", "December 1, 2026", "Dec 1 2026", "1 déc. 26"])
def test_more_dates(text):
    assert read_cell(text, Kind("date")) == "2026-12-01"


def test_the_quote_that_makes_a_text_of_a_number_is_no_part_of_a_phone():
    assert read_cell("'0550112233", Kind("phone")) == "0550112233"


# --- on the page ---
@pytest.mark.django_db
def test_the_page_shows_what_was_hidden_and_mends_what_was_not_computed(client, dispatcher):
    def fill(made):
        sheet = made.active
        for row in (["Client", "Marchandise", "Réf"], ["Amel", "x", "A"], ["=A2", "y", "B"]):
            sheet.append(row)
        sheet.row_dimensions[2].hidden = True

    client.force_login(dispatcher)
    page = upload(client, workbook(fill), "orders.xlsx", LIST)
    text = page.content.decode()
    assert "hidden in the file" in text and "Rows that the spreadsheet hides are read as well" in text
    assert "The result of =A2 is not in the file" in text
    page = client.post(page.context["mend_url"], {"cell-3-customer_name": "Ali"}, follow=True)
    confirm(client, page, LIST)
    assert sorted(Order.objects.values_list("customer_name", flat=True)) == ["Ali", "Amel"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", [LIST, "/admin/fleet/vehicle/"])
def test_a_workbook_with_a_password_is_refused_on_the_page(client, dispatcher, path):
    client.force_login(dispatcher)
    page = upload(client, OLE + "EncryptedPackage".encode("utf-16-le"), "orders.xlsx", path)
    assert "protected by a password" in str(page.context["form"].errors)


# --- a latitude and a longitude in one cell ---
@pytest.mark.parametrize(
    ("cell", "latitude", "longitude"),
    [
        ("36.7538, 3.0588", "36.7538", "3.0588"),
        ("36.7538,3.0588", "36.7538", "3.0588"),
        ("(36.7538 , -3.0588)", "36.7538", "-3.0588"),
        ("36,7538 ; 3,0588", "36.7538", "3.0588"),
        ("36,7538, 3,0588", "36.7538", "3.0588"),
        ("36,7538,3,0588", "36.7538", "3.0588"),
        ("36,7538 3,0588", "36.7538", "3.0588"),
        ("36.7538 / 3.0588", "36.7538", "3.0588"),
        ("٣٦٫٧٥٣٨ ؛ ٣٫٠٥٨٨", "36.7538", "3.0588"),
        ("36°45'13.7\"N 3°03'31.7\"E", "36.753806", "3.058806"),
        ("36.7538°N, 3.0588°W", "36.7538", "-3.0588"),
        ("geo:36.7538,3.0588?z=17", "36.7538", "3.0588"),
        ("https://maps.google.com/?q=36.7538,3.0588", "36.7538", "3.0588"),
        ("https://www.google.com/maps/search/?api=1&query=36.7538%2C3.0588", "36.7538", "3.0588"),
        ("https://www.google.com/maps/place/Alger/@36.7,3.0,13z/data=!3m1!4b1!4m6!3d36.7538!4d3.0588", "36.7538", "3.0588"),
        ("https://www.openstreetmap.org/?mlat=36.7538&mlon=3.0588#map=17/36.7/3.0", "36.7538", "3.0588"),
        ("36, 3", "36", "3"),
    ],
)
def test_one_cell_holds_both_coordinates(cell, latitude, longitude):
    quoted = cell.replace('"', '""')
    [row] = table(f'Client\tMarchandise\tCoordonnées de livraison\nAmel\tx\t"{quoted}"\n').rows
    assert (row.cells["delivery_latitude"], row.cells["delivery_longitude"], row.faults) == (latitude, longitude, {})


@pytest.mark.parametrize("cell", ["36.7538", "36,75", "91.0, 3.0", "36.1, 181.5", "1.5, 2.5, 3.5", "Alger centre", "https://goo.gl/maps/x", "NaN, NaN"])
def test_what_is_no_pair_of_coordinates_is_refused_by_name(cell):
    [row] = table(f'Client\tMarchandise\tDelivery coordinates\nAmel\tx\t"{cell}"\n').rows
    assert cell in row.faults["delivery_coordinates"][0] and "delivery_latitude" not in row.cells


def test_columns_of_their_own_go_before_a_column_of_both():
    text = "Client\tMarchandise\tdelivery_coordinates\tdelivery_latitude\tdelivery_longitude\nAmel\tx\t36.1, 3.1\t36.2\t3.2\nAli\tx\t36.3, 3.3\t\t\n"
    assert [row.cells["delivery_latitude"] for row in table(text).rows] == ["36.2", "36.3"]


@pytest.mark.django_db
def test_coordinates_are_shown_imported_and_mended_on_the_page(client, dispatcher, company_a):
    client.force_login(dispatcher)
    text = 'Client;Marchandise;Nom livraison;Adresse livraison;GPS livraison\nAmel;x;A;1 rue;"36,7538 ; 3,0588"\nAli;y;B;2 rue;Oran\n'
    page = upload(client, text, "orders.csv", LIST)
    shown = page.content.decode()
    assert "36.7538" in shown and "cell-3-delivery_coordinates" in shown and not Order.objects.exists()
    page = client.post(page.context["mend_url"], {"cell-3-delivery_coordinates": "35.6971, -0.6308"}, follow=True)
    confirm(client, page, LIST)
    stops = {order.customer_name: order.delivery_stop for order in Order.objects.select_related("delivery_stop")}
    assert {name: (str(stop.latitude), str(stop.longitude)) for name, stop in stops.items()} == {
        "Amel": ("36.753800", "3.058800"), "Ali": ("35.697100", "-0.630800"),
    }  # fmt: skip
