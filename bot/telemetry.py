"""Azure Monitor: spans of every worker call and the log, if the deployment names an Application Insights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

CONNECTION = "APPLICATIONINSIGHTS_CONNECTION_STRING"

# Spans of HTTP clients hold addresses, and addresses hold file names and people's names: those instruments stay off.
# What a run does is told by the kernel's own spans, which name run, task and capability (connectors/kernel/filters.py).
_OFF = ("azure_sdk", "django", "fastapi", "flask", "psycopg2", "requests", "urllib", "urllib3")


def configure(data_dir: Path, environ: Mapping[str, str] | None = None) -> bool:
    """Send telemetry to Azure Monitor; returns whether the deployment wants it.

    Args:
        data_dir: Where telemetry waits while the endpoint is down.
        environ: The environment; `APPLICATIONINSIGHTS_CONNECTION_STRING` turns telemetry on.
    """
    connection = (os.environ if environ is None else environ).get(CONNECTION, "").strip()
    if not connection:
        return False
    os.environ.setdefault("OTEL_SERVICE_NAME", "tandem")
    os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")
    from azure.monitor.opentelemetry import configure_azure_monitor

    configure_azure_monitor(
        connection_string=connection,
        sampling_ratio=1.0,  # the default keeps five traces a second and loses the rest
        enable_live_metrics=False,
        enable_performance_counters=False,
        storage_directory=str(data_dir / "telemetry"),
        instrumentation_options={name: {"enabled": False} for name in _OFF},
    )
    return True
