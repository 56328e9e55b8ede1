"""Histograms of coserve-bench's reports, added up and drawn by percentile (bench/results.md has their buckets)."""

import math
from collections import Counter

POINTS_A_DECADE = 40


def middle_ns(index):
    """Of a bucket."""
    shift = 0 if index < 256 else index // 128 - 1
    return ((index - 128 * shift) << shift) + (1 << shift) // 2


def merged(reports, latency="service"):
    """How many requests are in each bucket, over all reports."""
    counts = Counter()
    for report in reports:
        histograms = report["histograms"]
        buckets = histograms.get(latency, histograms["service"])["buckets"]
        for index, count in zip(buckets[::2], buckets[1::2]):
            counts[index] += count
    return counts


def shares(count):
    """From the median to all but one request; the slowest stand as far from each other as the others."""
    first, last = math.log10(2), max(2, math.log10(count))
    steps = math.ceil((last - first) * POINTS_A_DECADE)
    return [1 - 10 ** -(first + (last - first) * step / steps) for step in range(steps + 1)]


def curve(counts):
    """[share of the requests, microseconds that they did not exceed]..., from the median on."""
    buckets = sorted(counts.items())
    total = sum(counts.values())
    if total == 0:
        return []
    points, below = [], 0
    at = iter(buckets)
    index, count = next(at)
    for share in shares(total):
        while below + count < share * total - 1e-6 and (following := next(at, None)):
            below += count
            index, count = following
        points.append([round(share, 8), middle_ns(index) / 1000])
    return [p for i, p in enumerate(points) if i in (0, len(points) - 1) or not points[i - 1][1] == p[1] == points[i + 1][1]]
