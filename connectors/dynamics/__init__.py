"""Dynamics 365 Finance: vendor invoices as a ledger."""

from connectors.dynamics.client import DynamicsClient, DynamicsFields, DynamicsSettings
from connectors.dynamics.workers import workers

__all__ = ["DynamicsClient", "DynamicsFields", "DynamicsSettings", "workers"]
