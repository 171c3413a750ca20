"""Calls workers through Semantic Kernel, so that its function-invocation filters wrap every call."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import msgspec
from pydantic import Field
from semantic_kernel import Kernel
from semantic_kernel.filters import FilterTypes, FunctionInvocationContext
from semantic_kernel.functions import FunctionResult, KernelArguments, KernelFunction
from semantic_kernel.functions.kernel_function_metadata import KernelFunctionMetadata
from semantic_kernel.functions.kernel_parameter_metadata import KernelParameterMetadata

from connectors.kernel.filters import FILTERS, RAISED, Filter
from connectors.kernel.quiet import keep_quiet
from orchestration.capabilities import Registry, TaskContext, Worker
from orchestration.errors import NoWorker

PLUGIN = "tandem"
# The kernel logs arguments and results at DEBUG, which are people's content, and waiting for a sign-in as an ERROR.
# What happened to a call is told by its events and spans.
logging.getLogger("semantic_kernel.functions.kernel_function").setLevel(logging.CRITICAL)
# The parameter of this name receives the KernelArguments themselves: the structs pass through unparsed.
_ARGUMENTS = KernelParameterMetadata(
    name="arguments", type_object=KernelArguments, is_required=True, include_in_function_choices=False
)


class KernelDispatcher:
    """Implements `orchestration.capabilities.descriptor.Dispatcher` over one kernel.

    Every worker of the registry is a kernel function whose additional properties carry the capability's name, effect
    and schemas.

    Args:
        registry: The workers.
        kernel: Where they are added; a fresh one by default.
        filters: Wrapped around every call, the first one outermost.
    """

    def __init__(self, registry: Registry, kernel: Kernel | None = None, filters: Iterable[Filter] = FILTERS) -> None:
        keep_quiet()
        self.kernel = kernel or Kernel()
        workers = [worker for capability in registry.capabilities() for worker in registry.offering(capability.name)]
        self._functions = {worker.name: _function(worker, number) for number, worker in enumerate(workers)}
        self.kernel.add_functions(PLUGIN, list(self._functions.values()))
        for each in filters:  # the kernel keeps the first one added outermost
            self.kernel.add_filter(FilterTypes.FUNCTION_INVOCATION, each)

    async def call(self, worker: Worker, arguments: msgspec.Struct, task: TaskContext) -> msgspec.Struct:
        """See `Dispatcher.call`.

        Raises:
            NoWorker: The worker was registered after this dispatcher was made.
        """
        function = self._functions.get(worker.name)
        if function is None:
            raise NoWorker(
                f"worker {worker.name!r} is not known to the kernel: register workers before the dispatcher is made"
            )
        passed = KernelArguments(worker=worker, given=arguments, task=task)
        result = await function.invoke(self.kernel, passed)
        if RAISED in passed:
            raise passed[RAISED]
        assert result is not None
        output: msgspec.Struct = result.value
        return output


class _WorkerFunction(KernelFunction):
    """A worker as the kernel invokes it.

    The kernel's own function of a method would look for each call at the method's parameters and at what kind of
    result it gave; here both are known.
    """

    worker: Any = Field(exclude=True)  # a struct, which pydantic shall leave alone

    async def _invoke_internal(self, context: FunctionInvocationContext) -> None:
        passed = context.arguments
        value = await self.worker.call(passed["given"], passed["task"])
        context.result = FunctionResult(function=self.metadata, value=value)

    async def _invoke_internal_stream(self, context: FunctionInvocationContext) -> None:
        raise NotImplementedError("a worker returns its result in one piece")


def _function(worker: Worker, number: int) -> KernelFunction:
    metadata = KernelFunctionMetadata(
        name=f"{worker.capability.name.replace('.', '_')}_{number}",
        plugin_name=PLUGIN,
        description=worker.capability.title,
        parameters=[_ARGUMENTS],
        is_prompt=False,
        is_asynchronous=True,
        additional_properties={
            "capability": worker.capability.name,
            "effect": worker.capability.effect,
            "worker": worker.name,
            "input_schema": worker.capability.input_schema,
            "output_schema": worker.capability.output_schema,
        },
    )
    return _WorkerFunction(metadata=metadata, worker=worker)
