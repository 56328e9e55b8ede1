#!/usr/bin/env python3
"""Comparisons as one page, from what they saved. No script, nothing from a network, light and dark, and it prints."""

import argparse
import html
import json
import re

import svg

STYLE = """
:root { color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --faint: #5a6470; --edge: #d5dae0; --ours: #d55e00; --limit: #4d4d4d; --other: #0072b2;
  --o0: #0072b2; --o1: #00805d; --o2: #a8447f; --o3: #8a6a00; --o4: #2f86b5; }
@media screen and (prefers-color-scheme: dark) { :root {
  --paper: #14181d; --ink: #e6e9ed; --faint: #9aa5b1; --edge: #333b45; --ours: #ff9248; --limit: #c4c4c4; --other: #56b4e9;
  --o0: #56b4e9; --o1: #2ecb9b; --o2: #e693c4; --o3: #f0e442; --o4: #a9c7ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 48px; max-width: 1040px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 24px; margin: 0 0 8px; } h2 { font-size: 20px; margin: 40px 0 4px; } h3 { font-size: 17px; margin: 28px 0 4px; }
h1, h2, h3 { break-after: avoid; } p { margin: 4px 0 12px; } nav a { color: inherit; margin-right: 16px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 8px 0 16px; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; text-align: right; border-bottom: 1px solid var(--edge); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } td:last-child, th:last-child { padding-right: 0; }
th { color: var(--faint); font-weight: 500; } small { color: var(--faint); font-size: 11px; }
figure { margin: 12px 0; max-width: 900px; break-inside: avoid; }
figcaption { color: var(--faint); font-size: 13px; } figcaption b { color: var(--ink); }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--ink); }
svg text.faint { fill: var(--faint); } svg text.ours { font-weight: 700; } .end { text-anchor: end; } .middle { text-anchor: middle; }
.value { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
.bar { fill: var(--other); } .bar.ours { fill: var(--ours); } .bar.limit { fill: var(--limit); }
.range { stroke: var(--ink); } .cut { stroke: var(--paper); stroke-width: 3; }
.rule { stroke: var(--faint); stroke-dasharray: 3 3; } .grid { stroke: var(--edge); } .axis { stroke: var(--faint); }
.leader { stroke: var(--faint); stroke-dasharray: 1 3; }
.curve { fill: none; stroke-width: 1.75; stroke-linejoin: round; } .curve.ours, .curve.limit { stroke-width: 3; }
.curve.ours { stroke: var(--ours); } .curve.limit { stroke: var(--limit); }
.curve.o0 { stroke: var(--o0); } .curve.o1 { stroke: var(--o1); stroke-dasharray: 9 4; }
.curve.o2 { stroke: var(--o2); stroke-dasharray: 2 3; } .curve.o3 { stroke: var(--o3); stroke-dasharray: 9 4 2 4; }
.curve.o4 { stroke: var(--o4); stroke-dasharray: 5 3; }
svg .name.ours { fill: var(--ours); } svg .name.limit { fill: var(--limit); } svg .name.o0 { fill: var(--o0); }
svg .name.o1 { fill: var(--o1); } svg .name.o2 { fill: var(--o2); } svg .name.o3 { fill: var(--o3); } svg .name.o4 { fill: var(--o4); }
@media (max-width: 1060px) { td small { display: block; } th { white-space: normal; } }
@page { margin: 14mm; }
@media print {
  body { max-width: none; padding: 0; } nav { display: none; } .wide { overflow: visible; } svg { max-width: 600px; }
  th, td { white-space: normal; font-size: 12px; padding: 2px 10px 2px 0; } .group, table, tr { break-inside: avoid; }
  .comparison + .comparison { break-before: page; } .comparison + .comparison h2 { margin-top: 0; } }
"""
DRAW = {"bars": svg.bars, "curves": svg.curves}


def inline(text):
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
    return re.sub(r"(\[[-\d.,]+\.\.[-\d.,]+\])", r"<small>\1</small>", text)


def table(lines):
    rows = [[inline(cell.strip()) for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|---")]
    head = "".join(f'<th scope="col">{cell}</th>' for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows[1:])
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>\n'


def groups_of(document):
    """What stands below each heading, with it."""
    groups = [[]]
    for part in document:
        if isinstance(part, str) and part.startswith("### "):
            groups.append([])
        groups[-1].append(part)
    return groups


def group(document):
    """Markdown as far as comparisons write it (headings, tables, lists, lines), and charts."""
    text, rows = "", []
    for part in [*document, ""]:
        if isinstance(part, str) and part.startswith("|"):
            rows.append(part)
            continue
        if rows:
            text += table(rows)
            rows = []
        if isinstance(part, dict):
            text += DRAW[part["kind"]](part)
        elif part.startswith("### "):
            text += f"<h3>{inline(part[4:])}</h3>\n"
        elif part.strip():
            text += f"<p>{inline(part.removeprefix('- '))}</p>\n"
    return f'<div class="group">{text}</div>\n'


def overview(comparisons):
    """Ours to the limit, in all that is measured."""
    text = ""
    for better, title in ("less", "What coserve costs"), ("more", "How much coserve does"):
        charts = [
            part for one in comparisons for part in one["document"]
            if isinstance(part, dict) and part.get("short") and part["better"] == better
        ]  # fmt: skip
        values = {chart["short"]: chart["values"][chart["ours"][0]] for chart in charts}
        if values:
            text += svg.bars({"title": title, "values": values, "limit": "the limit of each", "ours": list(values), "better": better})
    return text


def section(comparison):
    name, title = html.escape(comparison["name"]), html.escape(comparison["title"])
    return f'<section class="comparison" id="{name}"><h2>{title}</h2>\n{"".join(map(group, groups_of(comparison["document"])))}</section>\n'


def page(comparisons):
    """`comparisons`: what was saved of each."""
    links = "".join(f'<a href="#{html.escape(one["name"])}">{html.escape(one["title"])}</a>' for one in comparisons)
    title = "coserve beside other servers"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n'
        f'{f"<nav>{links}</nav>" if len(comparisons) > 1 else ""}<section>{overview(comparisons)}</section>\n'
        f'{"".join(map(section, comparisons))}</body></html>'
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("comparisons", nargs="+", metavar="NAME.json", help="as a comparison saved it")
    parser.add_argument("-o", "--output", required=True, metavar="FILE.html")
    arguments = parser.parse_args()
    comparisons = []
    for path in arguments.comparisons:
        with open(path, encoding="utf-8") as file:
            comparisons.append(json.load(file))
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write(page(comparisons) + "\n")


if __name__ == "__main__":
    main()
