"""Writes Contoso's Word and PDF files: `python -m connectors.sandbox.contoso.documents`; the same bytes each time."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from connectors.sandbox.contoso.papers import docx, pdf, wrapped

MEGAN, ALEX, LEE, ADELE, DIEGO = "Megan Bowen", "Alex Wilber", "Lee Gu", "Adele Vance", "Diego Siciliani"


def documents() -> dict[str, bytes]:
    """All files by their path below sharepoint/."""
    return {
        "Finance/Documents/Close/Minutes month-end close October 2026.docx": docx(
            "Minutes: month-end close October 2026",
            ALEX,
            [
                f"Present: {MEGAN} (chair), {ALEX}, {LEE}. Excused: {ADELE}.",
                "# Decisions",
                "1. Accruals above 5,000 EUR need a purchase order or the confirmation of the budget owner.",
                "2. The supplier reconciliation of October is run before the ledger is locked.",
                "# Actions",
                [
                    ["Action", "Owner", "Due"],
                    ["Clear the three duplicates of September", ALEX, "4 November 2026"],
                    ["Confirm the freight accrual with Procurement", ADELE, "5 November 2026"],
                    ["Sign off the close calendar for year end", LEE, "13 November 2026"],
                ],
                "The next close meeting is on 2 December 2026.[[Moved from 1 December because of the board meeting.]]",
            ],
        ),
        "Projects/Documents/Atlas/Status report Atlas, last week.docx": docx(
            "Atlas ERP rollout: status of last week",
            ADELE,
            [
                "Overall: amber. Supplier master migration is two days late; the rest is on plan.",
                "# Done",
                "Interface test between SAP and Dynamics finished: 412 of 415 invoices passed (Alex Wilber).",
                "Training material for accounts payable reviewed (Megan Bowen).",
                "# Next",
                "Second load of supplier master data. Cut-over rehearsal with Southern Europe (Diego Siciliani).",
                "# Risks",
                [
                    ["Risk", "Owner", "Rating"],
                    ["Bank details missing for 38 suppliers", ADELE, "High"],
                    ["Rehearsal falls into Diego's absence", DIEGO, "Medium"],
                ],
            ],
        ),
        "Projects/Documents/Atlas/Status report Atlas, this week.docx": docx(
            "Atlas ERP rollout: status of this week",
            ADELE,
            [
                "Overall: --amber--++green++. The supplier master migration caught up on Thursday.",
                "# Done",
                "Bank details are missing for 6 suppliers only, down from 38 (Adele Vance).",
                "Cut-over rehearsal planned; Lee Gu approved the extra weekend.",
                "# Next",
                "Go or no-go for the rehearsal with all five leads.",
                "Budget used: 61 percent of 420,000 EUR.[[Without the licences, which Finance books centrally.]]",
            ],
        ),
        "Projects/Documents/Atlas/Steering committee minutes.pdf": pdf(
            "Atlas steering committee",
            LEE,
            wrapped(
                [
                    "Atlas steering committee: minutes",
                    f"Present: {LEE} (chair), {MEGAN}, {ADELE}, {DIEGO}. {ALEX} joined for item 2.",
                    "1. The budget stays at 420,000 EUR. A reserve of 30,000 EUR is released by the chair only.",
                    "2. Accounts payable tests the interface with the October invoices before the cut-over rehearsal.",
                    "3. Southern Europe goes live one week later. Diego Siciliani names a key user by Friday.",
                    "4. The next meeting decides go or no-go for the rehearsal.",
                ]
            ),
        ),
        "Procurement/Documents/Contracts/Framework agreement Nordwind 2027.docx": docx(
            "Framework agreement 2027: Nordwind Logistik GmbH",
            ADELE,
            [
                "Between Contoso and Nordwind Logistik GmbH, Hamburg, on inbound and outbound freight.",
                "# 1 Term",
                "1 January 2027 to 31 December 2028, with one option for twelve months.",
                "# 2 Prices",
                [
                    ["Lane", "2026", "2027"],
                    ["Hamburg - Munich, full truck", "1,180.00 EUR", "1,215.00 EUR"],
                    ["Rotterdam - Milan, full truck", "2,040.00 EUR", "1,990.00 EUR"],
                ],
                "# 3 Payment",
                "Thirty days net. --Two-- ++Three++ percent discount within ten days.",
                "# 4 Liability",
                "Limited to 8.33 special drawing rights per kilogram.[[As the CMR convention has it.]]",
            ],
        ),
        "Procurement/Documents/Contracts/Nordwind review, briefing.pdf": pdf(
            "Nordwind supplier review: briefing",
            ADELE,
            wrapped(
                [
                    "Supplier review Nordwind Logistik: briefing",
                    "Purpose: agree on prices for 2027 and on what happens to the open claims of this autumn.",
                    "Volume: 1.84 million EUR in the first ten months of 2026, 6 percent above last year.",
                    "Quality: 96.1 percent on time; target 97.5. Eleven damages, four of them not settled.",
                    "Invoices: three duplicates in September and October, found by Accounts Payable (Alex Wilber).",
                    "Open: a claim of 12,400 EUR for the Rotterdam delay of 9 October, to be settled before signing.",
                    "Proposal: accept 3 percent more on northern lanes for 3 percent cash discount and a late penalty.",
                ]
            ),
        ),
        "Procurement/Documents/Scans/Delivery note 4711, scan.pdf": pdf("Delivery note", ADELE, [[]]),
        "Finance/Documents/Restricted/Salary bands 2027.docx": docx(
            "Salary bands 2027",
            LEE,
            ["For the compensation committee only.", [["Band", "From", "To"], ["F1", "48,000", "61,000"]]],
        ),
    }


def main() -> None:
    """Writes into Contoso's own folder, or into --into."""
    parser = argparse.ArgumentParser(description="Write Contoso's Word and PDF files.")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    root = parser.parse_args().into / "sharepoint"
    for name, content in documents().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
        sys.stdout.write(f"{name}: {len(content):,} bytes\n")


if __name__ == "__main__":
    main()
