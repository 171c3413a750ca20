"""What workers can do, declared by schema, and who is chosen to do it."""

from orchestration.capabilities.descriptor import (
    Capability,
    Dedupe,
    Destination,
    Done,
    NotDone,
    Preview,
    TaskContext,
    Unknown,
    Worker,
    worker,
)
from orchestration.capabilities.registry import Health, Registry
from orchestration.capabilities.surroundings import PeerResult, RunState, Standing

__all__ = [
    "Capability",
    "Dedupe",
    "Destination",
    "Done",
    "Health",
    "NotDone",
    "PeerResult",
    "Preview",
    "Registry",
    "RunState",
    "Standing",
    "TaskContext",
    "Unknown",
    "Worker",
    "worker",
]
