"""Microsoft Graph: files in SharePoint, and people."""

from connectors.graph.client import GraphClient, GraphSettings
from connectors.graph.workers import workers

__all__ = ["GraphClient", "GraphSettings", "workers"]
