"""Contoso's suppliers (invented), each with a currency and a way of numbering its invoices."""

from __future__ import annotations

import msgspec


class Supplier(msgspec.Struct, frozen=True):
    """A supplier.

    Attributes:
        number: Vendor number without leading zeros.
        pattern: How the supplier prints its invoice numbers; `#` is a digit of the running number.
        typical: A typical invoice amount in `currency`.
        weight: How often it invoices, compared with the others.
        goods: What it delivers.
    """

    number: str
    name: str
    currency: str
    pattern: str
    typical: int
    weight: int
    goods: str


SUPPLIERS = tuple(
    Supplier(*line)
    for line in (
        ("100234", "Adler & Voss Metallbau GmbH", "EUR", "INV-2026/####", 4200, 14, "Steel frames"),
        ("100241", "Brightwater Logistics BV", "EUR", "BW26-#####", 1850, 22, "Freight"),
        ("100255", "Cascadia Office Supply", "EUR", "CO/2026/####", 240, 18, "Office supplies"),
        ("100268", "Delmare Packaging SpA", "EUR", "DM 2026 ####", 3100, 15, "Packaging"),
        ("100273", "Eberhart Elektrotechnik", "EUR", "RE-26-#####", 2650, 12, "Switch gear"),
        ("100287", "Fjellstrom Energi AS", "EUR", "FE.2026.####", 9800, 6, "Electricity"),
        ("100291", "Granite Peak Consulting", "USD", "GPC-####", 14500, 5, "Consulting"),
        ("100306", "Harbourline Shipping Ltd", "GBP", "HL/26/####", 3900, 9, "Sea freight"),
        ("100314", "Ilmenau Optik AG", "EUR", "IO-2026-####", 7400, 7, "Optics"),
        ("100322", "Juniper Facility Services", "EUR", "JFS 26/####", 1250, 14, "Cleaning"),
        ("100339", "Kestrel Aviation Parts", "USD", "KAP-26-####", 18200, 4, "Spare parts"),
        ("100345", "Lindqvist Papper AB", "EUR", "LP2026-####", 860, 13, "Paper"),
        ("100358", "Montclair Catering SARL", "EUR", "F-2026-####", 640, 16, "Canteen"),
        ("100361", "Nakagawa Seimitsu KK", "JPY", "NS-26-####", 820000, 6, "Precision parts"),
        ("100377", "Oberland Maschinen AG", "CHF", "OM/2026/####", 11800, 5, "Machine parts"),
        ("100384", "Pellworm Chemie GmbH", "EUR", "#######", 5300, 11, "Solvents"),
        ("100392", "Quayside Print Works", "GBP", "QPW-####", 780, 8, "Printing"),
        ("100403", "Rosengarten Spedition", "EUR", "RS-26/#####", 2100, 19, "Road freight"),
        ("100418", "Sablewood Furniture", "EUR", "SW-2026-####", 3450, 6, "Furniture"),
        ("100426", "Tavernier Textiles", "EUR", "TT/26-####", 1620, 9, "Work clothes"),
        ("100432", "Umbra Security Systems", "EUR", "USS 2026-####", 2250, 8, "Guard service"),
        ("100447", "Vantage Cloud Hosting", "USD", "VCH-2026-####", 6900, 5, "Hosting"),
        ("100453", "Wiesental Werkzeuge KG", "EUR", "WW 26 #####", 1340, 15, "Tools"),
        ("100469", "Xenia Labortechnik", "EUR", "XL-####", 4800, 7, "Laboratory"),
        ("100475", "Yarrow & Finch Legal LLP", "GBP", "YF/26/####", 8600, 3, "Legal advice"),
        ("100481", "Zollhof Speicher GmbH", "EUR", "ZS-2026/####", 1980, 10, "Warehousing"),
        ("100498", "Alpenblick Telekom AG", "CHF", "AT26/#####", 1450, 6, "Telephone"),
        ("100507", "Bellavista Ceramica Srl", "EUR", "BC-26-####", 2900, 8, "Ceramics"),
        ("100513", "Corvus Data Centres", "EUR", "CDC/2026-####", 12400, 4, "Colocation"),
        ("100529", "Dunmore Waste Services", "EUR", "DWS-#####", 710, 12, "Waste"),
        ("100536", "Elbtal Druckguss GmbH", "EUR", "ED 26-####", 6100, 9, "Castings"),
        ("100544", "Foxglove Marketing", "EUR", "FM-2026-###", 5200, 4, "Marketing"),
        ("100558", "Glenrock Instruments", "USD", "GI/26/####", 9300, 4, "Instruments"),
        ("100562", "Hanazono Denshi KK", "JPY", "HD-####", 465000, 5, "Electronics"),
        ("100575", "Istria Marine Paints", "EUR", "IMP-26/####", 2480, 7, "Coatings"),
        ("100583", "Jadwiga Transport Sp.", "EUR", "JT/####/26", 1570, 12, "Road freight"),
        ("100599", "Kronberg Klima GmbH", "EUR", "KK-2026-####", 3700, 6, "Air conditioning"),
        ("100604", "Lakeshore Staffing", "EUR", "LS 26-#####", 4450, 10, "Temporary staff"),
        ("100617", "Marlin Water Treatment", "EUR", "MW-26-####", 1890, 6, "Water treatment"),
        ("100628", "Nordvik Fasteners AS", "EUR", "NF/2026/####", 530, 17, "Fasteners"),
        ("100631", "Orchard Valley Catering", "EUR", "OVC-####", 390, 9, "Catering"),
    )
)
