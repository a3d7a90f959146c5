"""How old frames are when their results are written."""

from __future__ import annotations

import numpy as np

_LEAST_S, _MOST_S, _BINS = 1e-4, 1e4, 400
_STEP = 25
_WIDTH = float(np.log(_MOST_S / _LEAST_S)) / _BINS


class Latency:
    """Percentiles of any number of latencies in little memory, exact to 5 %.

    >>> latency = Latency()
    >>> latency.percentiles_s()
    {}
    >>> for milliseconds in range(1, 1001):
    ...     latency.add(milliseconds / 1000)
    >>> latency.percentiles_s()
    {'p50': 0.4898, 'p90': 0.8913, 'p99': 0.9772, 'max': 1.0}
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)
        self._most_s = 0.0
        self._last_s = 0.0
        self._sum_s = 0.0

    def add(self, latency_s: float) -> None:
        """Takes one more."""
        place = np.log(max(latency_s, _LEAST_S) / _LEAST_S) / _WIDTH
        self._counts[min(int(place), _BINS - 1)] += 1
        self._most_s = max(self._most_s, latency_s)
        self._last_s = latency_s
        self._sum_s += latency_s

    def percentiles_s(self) -> dict[str, float]:
        """The percentiles `p50`, `p90`, `p99` and the greatest, in seconds; empty if none."""
        total = int(self._counts.sum())
        if not total:
            return {}
        found = {f"p{share}": self._percentile_s(share / 100 * total) for share in (50, 90, 99)}
        return {**found, "max": round(self._most_s, 4)}

    def cumulative(self) -> tuple[dict[float, int], float]:
        """Limits in seconds with how many were not above, and the sum of all."""
        counts = np.cumsum(self._counts)
        if not counts[-1]:
            return {}, 0.0
        limits_s = _LEAST_S * np.exp(np.arange(_STEP, _BINS + 1, _STEP) * _WIDTH)
        rounded_s = [float(f"{limit_s:.3g}") for limit_s in limits_s]
        return dict(zip(rounded_s, counts[_STEP - 1 :: _STEP].tolist(), strict=True)), self._sum_s

    def note(self) -> str:
        """The last one and the percentiles in a few words; empty if there are none."""
        if not self._counts.any():
            return ""
        found = self.percentiles_s()
        return f"latency {self._last_s:.2f} s (p50 {found['p50']:.2f}, p99 {found['p99']:.2f})"

    def _percentile_s(self, rank: float) -> float:
        place = int(np.searchsorted(np.cumsum(self._counts), rank))
        middle_s = _LEAST_S * np.exp((place + 0.5) * _WIDTH)
        return round(min(float(middle_s), self._most_s), 4)
