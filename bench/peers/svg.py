"""The comparisons' charts, as SVG that stands in a page: bars of ratios, and latencies by percentile. Colors are the page's."""

import html
import math
import statistics

WIDTH = 760
ROW, LEFT, RIGHT = 24, 260, 60  # of bars
LONGEST = 4.0
HEIGHT, MARGIN = 330, {"left": 66, "top": 12, "bottom": 46}  # of curves
LETTER = 7.2  # about as wide is one
PERCENTILES = (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
BETTER = {"less": "less is better", "more": "more is better"}


def element(name, content="", **attributes):
    """Attributes' names: `class_`, `stroke_width` are written as in SVG."""
    text = "".join(f' {key.rstrip("_").replace("_", "-")}="{html.escape(str(value))}"' for key, value in attributes.items())
    return f"<{name}{text}>{content}</{name}>"


def number(value):
    return f"{value:.1f}".removesuffix(".0")


def text(x, y, what, kind=""):
    return element("text", html.escape(what), x=number(x), y=number(y), class_=kind)


def line(x1, y1, x2, y2, kind):
    return element("line", x1=number(x1), y1=number(y1), x2=number(x2), y2=number(y2), class_=kind)


def svg(title, width, height, content):
    label = html.escape(title)
    return f'<svg viewBox="0 0 {width} {number(height)}" role="img" aria-label="{label}"><title>{label}</title>{content}</svg>'


def figure(title, how_to_read, drawing):
    caption = f"<b>{html.escape(title)}</b> {html.escape(how_to_read)}"
    return f"<figure><figcaption>{caption}</figcaption>{drawing}</figure>\n"


# ---- bars


def longest_of(values):
    """The end of the axis: it always has room for the limit, and cuts what is far beyond."""
    return min(LONGEST, max(1.2, *(max(some) for some in values.values())))


def bar(name, values, row, longest, kind):
    """The median, a line from the least to the most; what is longer than the axis is cut, and open there. Then the texts."""
    scale = (WIDTH - LEFT - RIGHT) / longest
    median = statistics.median(values)
    middle, least, most = (min(v, longest) * scale for v in (median, min(values), max(values)))
    y = row * ROW + 4
    shape = element("rect", x=LEFT, y=y, width=number(middle), height=ROW - 8, class_=f"bar {kind}")
    if median > longest:
        shape += line(LEFT + middle - 9, y + ROW - 6, LEFT + middle - 3, y - 2, "cut")
    else:
        shape += line(LEFT + least, y + 8, LEFT + most, y + 8, "range")
    texts = text(LEFT - 8, y + 13, name, f"end {kind}") + text(LEFT + max(middle, most) + 6, y + 13, f"{median:.2f}", f"value {kind}")
    return shape, texts


def bars(chart):
    values, longest = chart["values"], longest_of(chart["values"])
    kinds = {chart["limit"]: "limit", **{name: "ours" for name in chart["ours"]}}
    drawn = [bar(name, some, row, longest, kinds.get(name, "other")) for row, (name, some) in enumerate(values.items())]
    height = ROW * len(values) + 4
    at_limit = LEFT + (WIDTH - LEFT - RIGHT) / longest
    content = "".join(shape for shape, _ in drawn) + line(at_limit, 0, at_limit, height, "rule") + "".join(texts for _, texts in drawn)
    cut = f", cut at {LONGEST:g}" if any(statistics.median(some) > longest for some in values.values()) else ""
    how = f"The ratio to the dotted line, which is {chart['limit']}{cut}: {BETTER[chart['better']]}."
    return figure(chart["title"], how, svg(f"{chart['title']}. {how}", WIDTH, height, content))


# ---- curves


def short_time(us):
    value, unit = (us, "us") if us < 999.5 else (us / 1e3, "ms") if us < 999.5e3 else (us / 1e6, "s")
    return f"{value:.4g} {unit}"


def round_values(least, most):
    """1, 2 and 5 times powers of ten, from no more than the one to no less than the other."""
    all_of_them = [step * 10.0**power for power in range(-3, 10) for step in (1, 2, 5)]
    first = max((v for v in all_of_them if v <= least * 1.001), default=all_of_them[0])
    last = min((v for v in all_of_them if v >= most * 0.999 and v > first), default=all_of_them[-1])
    return [v for v in all_of_them if first <= v <= last]


class Axes:
    """Latency, a logarithm, over percentiles, of which each decade of the slowest has the same room."""

    def __init__(self, lines):
        points = [point for some in lines.values() for point in some]
        self.last = max(share for share, _ in points)
        self.ticks = round_values(min(us for _, us in points), max(us for _, us in points))
        self.end = WIDTH - 20 - LETTER * max(map(len, lines))  # the names stand on the right
        self.low = HEIGHT - MARGIN["bottom"]

    def x(self, share):
        first = PERCENTILES[0]
        part = math.log((1 - share) / (1 - first)) / math.log((1 - self.last) / (1 - first))
        return MARGIN["left"] + part * (self.end - MARGIN["left"])

    def y(self, us):
        least, most = math.log10(self.ticks[0]), math.log10(self.ticks[-1])
        part = (math.log10(max(us, self.ticks[0])) - least) / (most - least)
        return self.low - part * (self.low - MARGIN["top"])

    def drawn(self):
        few = self.ticks[-1] < 1100 * self.ticks[0]
        named = [us for us in self.ticks if few or math.log10(us) % 1 < 1e-9]
        all_of_it = "".join(
            line(MARGIN["left"], self.y(us), self.end, self.y(us), "grid")
            + text(MARGIN["left"] - 8, self.y(us) + 4, short_time(us), "end faint")
            for us in named
        )
        for share in (share for share in PERCENTILES if share <= self.last + 1e-9):
            all_of_it += line(self.x(share), MARGIN["top"], self.x(share), self.low, "grid")
            all_of_it += line(self.x(share), self.low, self.x(share), self.low + 5, "axis")
            all_of_it += text(self.x(share), self.low + 19, f"{100 * share:.8g} %", "middle faint")
        all_of_it += line(MARGIN["left"], self.low, self.end, self.low, "axis")
        middle = (MARGIN["left"] + self.end) / 2
        return all_of_it + text(middle, HEIGHT - 8, "requests that were no slower", "middle faint")


def apart(places, room, low):
    """The same order, each so far from the next, none below `low`."""
    placed = []
    for wanted in sorted(places):
        placed.append(max(wanted, placed[-1] + room) if placed else wanted)
    for i in range(len(placed) - 1, -1, -1):
        placed[i] = min(placed[i], low if i == len(placed) - 1 else placed[i + 1] - room)
    return placed


def kinds_of(chart):
    others = [name for name in chart["lines"] if name not in (chart["ours"], chart["limit"])]
    kinds = {name: f"o{number % 5}" for number, name in enumerate(others)}
    return {**kinds, chart["ours"]: "ours", chart["limit"]: "limit"}


def curves(chart):
    lines = {name: points for name, points in chart["lines"].items() if points}
    if not lines:
        return ""
    axes, kinds = Axes(lines), kinds_of(chart)
    in_front_last = sorted(lines, key=lambda name: (name == chart["ours"], name == chart["limit"]))
    drawn = axes.drawn()
    for name in in_front_last:
        path = "L".join(f"{number(axes.x(share))} {number(axes.y(us))}" for share, us in lines[name])
        drawn += element("path", d=f"M{path}", class_=f"curve {kinds[name]}")
    by_height = sorted(lines, key=lambda name: axes.y(lines[name][-1][1]))
    for name, y in zip(by_height, apart([axes.y(lines[name][-1][1]) for name in lines], 15, axes.low)):
        share, us = lines[name][-1]
        drawn += line(axes.x(share) + 2, axes.y(us), axes.end + 12, y, "leader")
        drawn += text(axes.end + 15, y + 4, name, f"name {kinds[name]}")
    how = "At 99 %: the latency that 99 of 100 requests did not exceed. To the right are the slowest; lower is better."
    return figure(chart["title"], how, svg(f"{chart['title']}. {how}", WIDTH, HEIGHT, drawn))
