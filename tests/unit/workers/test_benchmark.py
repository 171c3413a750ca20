"""The benchmark measures what it says: its ledgers, its discrepancies, its reversed pairs."""

from __future__ import annotations

from tests.benchmarks.bench_reconcile import SIZES, measure, report


def test_a_small_measurement_counts_right_and_is_far_within_its_time() -> None:
    found = measure(1_000)
    assert (found["invoices"], found["discrepancies"], found["reversed"]) == (1_000, 10, 5)
    assert found["task_seconds"] < SIZES[10_000]
    said = "\n".join(report(found, 2.0))
    assert "1,000 invoices, 10 discrepancies, 5 reversed" in said
    assert "within 2 s allowed" in said
    assert "peak memory" in said
