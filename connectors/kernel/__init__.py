"""Semantic Kernel: workers as kernel functions, dispatched through the kernel."""

from connectors.kernel.dispatch import KernelDispatcher

__all__ = ["KernelDispatcher"]
