"""Microsoft Graph: files in SharePoint, and people."""

from connectors.graph.client import GraphClient, GraphSettings
from connectors.graph.shared import SharePointFiles
from connectors.graph.workers import workers

__all__ = ["GraphClient", "GraphSettings", "SharePointFiles", "workers"]
