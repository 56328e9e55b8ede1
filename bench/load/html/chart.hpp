/// \file
/// A chart as SVG that stands in a page: lines, bars and marks over two axes.
#pragma once

#include "scale.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace coserve_bench {

struct axis {
    std::string label;  ///< what it is, and in which unit
    scale::kind kind = scale::kind::linear;
    std::function<std::string(double)> name;  ///< of a tick
    std::optional<double> least{}, most{};    ///< are on the axis whatever the values are
};

struct point {
    double x = 0, y = 0;  ///< not a number: there is none, and the line has a gap
};

struct chart_line {
    enum class dash : unsigned char { none, dashes, dots };
    enum class shape : unsigned char {
        line,
        steps,  ///< each value from its point to the next one's x
        bars,   ///< the same, filled down to the axis
        marks   ///< a line whose points can be told apart
    };

    std::string name;
    int color = 0;  ///< of the page's palette, 0 to 5
    dash pattern = dash::none;
    shape form = shape::line;
    std::vector<point> points{};
    bool in_legend = true;
};

/// Where something is: a line across the chart.
struct chart_rule {
    std::string name;
    bool vertical = true;
    double at = 0;
};

struct chart {
    std::string title;
    std::string description;  ///< a sentence on how to read it
    axis x, y;
    std::vector<chart_line> lines{};
    std::vector<chart_rule> rules{};
};

/// A figure; the title and the description are text in it. Colors are the page's.
std::string figure(const chart&);

}  // namespace coserve_bench
