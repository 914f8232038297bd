"""Tests: functions, steps, the flow, and the benchmarks beside them."""
