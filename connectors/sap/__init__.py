"""SAP S/4HANA: supplier invoices as a ledger."""

from connectors.sap.client import SapClient, SapSettings
from connectors.sap.workers import workers

__all__ = ["SapClient", "SapSettings", "workers"]
