"""SAP S/4HANA: supplier invoices as a ledger."""

from connectors.sap.client import SapClient, SapSettings
from connectors.sap.export import ExportSettings
from connectors.sap.workers import export_worker, workers

__all__ = ["ExportSettings", "SapClient", "SapSettings", "export_worker", "workers"]
