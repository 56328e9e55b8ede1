"""The comparison as one page: what was said, and the ratios as bars. No script, nothing from a network, light and dark."""

import html
import re
import statistics

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --faint: #5a6470; --edge: #d5dae0; --bar: #0072b2; --ours: #d55e00; }
@media screen and (prefers-color-scheme: dark) { :root {
  --paper: #14181d; --ink: #e6e9ed; --faint: #9aa5b1; --edge: #333b45; --bar: #56b4e9; --ours: #ff9248; } }
body { margin: 0 auto; padding: 24px 20px 48px; max-width: 940px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { font-size: 24px; } h3 { font-size: 17px; margin: 28px 0 4px; } .wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: right; border-bottom: 1px solid var(--edge); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--faint); font-weight: 500; }
figure { margin: 12px 0; break-inside: avoid; } figcaption { color: var(--faint); font-size: 13px; }
svg { display: block; width: 100%; height: auto; } svg text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: var(--ink); }
.name { text-anchor: end; } .bar { fill: var(--bar); } .ours { fill: var(--ours); } .limit, .range { stroke: var(--faint); }
.limit { stroke-dasharray: 3 3; }
"""
LEFT, WIDTH, ROW, LONGEST = 230, 760, 24, 4.0


def bar(name, values, row, ours):
    """The median, a line from the least to the most, and the figure; what is longer than the axis is cut there."""
    scale = (WIDTH - LEFT - 60) / LONGEST
    middle, least, most = (min(v, LONGEST) * scale for v in (statistics.median(values), min(values), max(values)))
    y = row * ROW + 4
    return (
        f'<text class="name" x="{LEFT - 8}" y="{y + 13}">{html.escape(name)}</text>'
        f'<rect class="{"ours" if ours else "bar"}" x="{LEFT}" y="{y}" width="{middle:.1f}" height="{ROW - 8}"/>'
        f'<line class="range" x1="{LEFT + least:.1f}" x2="{LEFT + most:.1f}" y1="{y + 8}" y2="{y + 8}"/>'
        f'<text x="{LEFT + max(middle, most) + 6:.1f}" y="{y + 13}">{statistics.median(values):.2f}</text>'
    )


def bars(title, runs, ours):
    """`runs`: the values of each name, as ratios to the limit."""
    at_limit = LEFT + (WIDTH - LEFT - 60) / LONGEST
    height = ROW * len(runs) + 4
    rows = "".join(bar(name, values, row, name == ours) for row, (name, values) in enumerate(runs.items()))
    return (
        f"<figure><figcaption>{html.escape(title)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title)}"><title>{html.escape(title)}</title>{rows}'
        f'<line class="limit" x1="{at_limit:.1f}" x2="{at_limit:.1f}" y1="0" y2="{height}"/></svg></figure>\n'
    )


def inline(text):
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def table(lines):
    rows = [[inline(cell.strip()) for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|---")]
    head = "".join(f"<th>{cell}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows[1:])
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>\n'


def body_of(lines, after_heading):
    """Markdown as far as the comparison writes it: headings, tables, lists, lines."""
    text, at = "", 0
    lines = [part for line in lines for part in line.split("\n")]
    while at < len(lines):
        line = lines[at]
        end = at + 1
        if line.startswith("|"):
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            text += table(lines[at:end])
        elif line.startswith("### "):
            text += f"<h3>{inline(line[4:])}</h3>\n" + after_heading.get(line[4:], "")
        elif line.strip():
            text += f"<p>{inline(line.removeprefix('- '))}</p>\n"
        at = end
    return text


def page(lines, table_results, ours):
    """`table_results`: of each column the servers' runs, with their `cpu_ratio`."""
    charts = {
        column: bars(f"Server CPU a frame at {column}, to the limit's (dotted), cut at 4: less is better",
                     {name: run["cpu_ratio"] for name, run in runs.items()}, ours)
        for column, runs in table_results.items()
    }
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>coserve beside other servers</title><style>{STYLE}</style></head>\n'
        f"<body><h1>coserve beside other servers</h1>\n{body_of(lines, charts)}</body></html>\n"
    )
