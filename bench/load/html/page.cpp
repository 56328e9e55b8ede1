#include "page.hpp"

#include "markup.hpp"

#include <cstddef>

namespace coserve_bench {

namespace {

/// The palette is Okabe and Ito's, which color-blind people tell apart, darker or lighter where the
/// background asks for it.
constexpr std::string_view style = R"(
:root { color-scheme: light dark;
  --paper: #fff; --ink: #1b1f24; --faint: #5a6470; --edge: #d5dae0; --panel: #f5f7f9; --alarm: #fff3e0; --alarm-edge: #d55e00;
  --c0: #0072b2; --c1: #d55e00; --c2: #00805d; --c3: #a8447f; --c4: #8a6a00; --c5: #4d4d4d; }
@media screen and (prefers-color-scheme: dark) { :root {
  --paper: #14181d; --ink: #e6e9ed; --faint: #9aa5b1; --edge: #333b45; --panel: #1c2229; --alarm: #33230f; --alarm-edge: #e69f00;
  --c0: #56b4e9; --c1: #ff9248; --c2: #2ecb9b; --c3: #e693c4; --c4: #f0e442; --c5: #c4c4c4; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 48px; max-width: 940px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 32px 0 8px; } h3 { font-size: 15px; margin: 0; }
p { margin: 4px 0 12px; } figcaption p, .faint { color: var(--faint); font-size: 13px; margin: 0 0 4px; }
figure { margin: 24px 0; break-inside: avoid; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--ink); }
svg text.tick, svg text.label, svg text.note { fill: var(--faint); }
svg text.x { text-anchor: middle; } svg text.y, svg text.end { text-anchor: end; }
svg text.note { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round; }
.grid { stroke: var(--edge); stroke-width: 1; } .axis { stroke: var(--faint); stroke-width: 1; }
.rule { stroke: var(--faint); stroke-width: 1; stroke-dasharray: 2 3; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .dashes { stroke-dasharray: 7 4; } .dots { stroke-dasharray: 2 3; }
.bar { fill-opacity: .3; stroke-width: 1.5; } .mark { stroke: var(--paper); stroke-width: 1; }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); } .c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); }
.bar.c0, .mark.c0 { fill: var(--c0); } .bar.c1, .mark.c1 { fill: var(--c1); } .bar.c2, .mark.c2 { fill: var(--c2); }
.bar.c3, .mark.c3 { fill: var(--c3); } .bar.c4, .mark.c4 { fill: var(--c4); } .bar.c5, .mark.c5 { fill: var(--c5); }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: 8px 0 16px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; font-size: 14px; text-align: right; border-bottom: 1px solid var(--edge); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; } thead th { color: var(--faint); font-weight: 500; }
.plan th { text-align: left; } .plan td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0; padding: 0; list-style: none; }
.tiles li { flex: 1 1 108px; padding: 8px 12px; background: var(--panel); border: 1px solid var(--edge); border-radius: 6px; break-inside: avoid; }
.tiles b { display: block; font-size: 19px; font-weight: 600; white-space: nowrap; } .tiles span { color: var(--faint); font-size: 13px; }
.warning { padding: 8px 12px; background: var(--alarm); border-left: 4px solid var(--alarm-edge); }
h1, h2 { break-after: avoid; } table, .warning { break-inside: avoid; }
@page { margin: 14mm; }
@media print { body { max-width: none; padding: 0; } .tiles li { background: none; flex-basis: 80px; padding: 6px 8px; } .tiles b { font-size: 16px; }
  .wide { overflow: visible; } th, td { font-size: 12px; padding: 2px 10px 2px 0; } figure { margin: 14px 0; } svg { max-width: 640px; }
  .next { break-before: page; } }
)";

std::string row(const std::vector<std::string>& cells, bool heading) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const char* const scope = heading ? "col" : "row";
        text += heading || i == 0 ? element("th", {{"scope", scope}}, cells[i])
                                  : element("td", {}, cells[i]);
    }
    return element("tr", {}, text) + "\n";
}

}  // namespace

std::string page(std::string_view title, std::string_view body) {
    return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
           "<link rel=\"icon\" href=\"data:,\">\n" +
           element("title", {}, escaped(title)) + "\n" + element("style", {}, style) +
           "\n</head>\n<body>\n" + std::string(body) + "</body>\n</html>\n";
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::string body;
    for (std::size_t i = 1; i < rows.size(); ++i)
        body += row(rows[i], false);
    const std::string head = rows.empty() ? "" : element("thead", {}, row(rows[0], true));
    return element(
               "div", {{"class", "wide"}}, element("table", {}, head + element("tbody", {}, body))
           ) +
           "\n";
}

std::string warning(std::string_view sentence) {
    return element("p", {{"class", "warning"}}, escaped(sentence)) + "\n";
}

}  // namespace coserve_bench
