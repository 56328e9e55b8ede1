#include "chart.hpp"

#include "markup.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace coserve_bench {

namespace {

constexpr double width = 760, height = 320;
constexpr double left = 76, right = 20, top = 34, bottom = 52;
constexpr double legend_height = 20, letter = 7.2;  // about as wide is one

std::string text_at(double x, double y, const std::string& kind, const std::string& text) {
    return element(
        "text", {{"x", coordinate(x)}, {"y", coordinate(y)}, {"class", kind}}, escaped(text)
    );
}

std::string line_at(double x1, double y1, double x2, double y2, const std::string& kind) {
    return element(
        "line",
        {{"x1", coordinate(x1)},
         {"y1", coordinate(y1)},
         {"x2", coordinate(x2)},
         {"y2", coordinate(y2)},
         {"class", kind}}
    );
}

bool is_there(const point& p) {
    return std::isfinite(p.x) && std::isfinite(p.y);
}

/// All values and what the axis must have; of a logarithm only what it can show.
scale scale_of(const axis& a, const chart& c, double point::* value) {
    double least = std::numeric_limits<double>::infinity(), most = -least;
    const auto take = [&](double v) {
        if (!std::isfinite(v) || (a.kind == scale::kind::logarithmic && v <= 0))
            return;
        least = std::min(least, v);
        most = std::max(most, v);
    };
    for (const chart_line& l : c.lines)
        for (const point& p : l.points)
            if (is_there(p))
                take(p.*value);
    for (const chart_rule& r : c.rules)
        if (r.vertical == (value == &point::x))
            take(r.at);
    for (const auto& bound : {a.least, a.most})
        if (bound)
            take(*bound);
    return least > most ? scale(a.kind, 0.1, 1) : scale(a.kind, least, most);
}

class drawing {
public:
    explicit drawing(const chart& c)
        : chart_(c), x_(scale_of(c.x, c, &point::x)), y_(scale_of(c.y, c, &point::y)) {}

    std::string all() {
        const double bottom_of_legend = top + legend();
        top_ = bottom_of_legend;
        height_ = height + bottom_of_legend - top;
        std::string text = element("title", {}, escaped(chart_.title)) +
                           element("desc", {}, escaped(chart_.description)) + legend_ + axes();
        for (const chart_line& l : chart_.lines)
            text += line(l);
        for (std::size_t i = 0; i < chart_.rules.size(); ++i)
            text += rule(chart_.rules[i], i);
        return element(
            "svg",
            {{"viewBox", "0 0 " + coordinate(width) + " " + coordinate(height_)},
             {"role", "img"},
             {"aria-label", chart_.title + ". " + chart_.description}},
            text
        );
    }

private:
    double x(double value) const { return left + x_.position(value) * (width - left - right); }
    double y(double value) const {
        const double low = height_ - bottom;
        return low - y_.position(value) * (low - top_);
    }

    static std::string kind_of(const chart_line& l) {
        const char* const patterns[] = {"", " dashes", " dots"};
        return "line c" + std::to_string(l.color) + patterns[static_cast<int>(l.pattern)];
    }

    /// Fills `legend_`; how high it is.
    double legend() {
        double at = left, row = 0;
        for (const chart_line& l : chart_.lines) {
            if (!l.in_legend)
                continue;
            const double wide = 34 + letter * static_cast<double>(l.name.size()) + 18;
            if (at != left && at + wide > width) {
                at = left;
                ++row;
            }
            const double y = 18 + row * legend_height;
            legend_ += l.form == chart_line::shape::bars
                           ? element(
                                 "rect",
                                 {{"x", coordinate(at)},
                                  {"y", coordinate(y - 9)},
                                  {"width", "26"},
                                  {"height", "10"},
                                  {"class", "bar c" + std::to_string(l.color)}}
                             )
                           : line_at(at, y - 4, at + 26, y - 4, kind_of(l));
            legend_ += text_at(at + 32, y, "legend", l.name);
            at += wide;
        }
        return row * legend_height;
    }

    std::string axes() const {
        const double low = height_ - bottom, end = width - right;
        std::string text;
        for (const double t : y_.ticks())
            text += line_at(left, y(t), end, y(t), "grid") +
                    text_at(left - 8, y(t) + 4, "tick y", chart_.y.name(t));
        double free_from = 0;  // labels that would stand on another are left out
        for (const double t : x_.ticks()) {
            const std::string name = chart_.x.name(t);
            const double half = letter * static_cast<double>(name.size()) / 2;
            text += line_at(x(t), low, x(t), low + 5, "axis");
            if (x(t) - half < free_from)
                continue;
            text += text_at(std::min(x(t), width - half), low + 19, "tick x", name);
            free_from = x(t) + half + 4;
        }
        text += line_at(left, low, end, low, "axis");
        text += text_at((left + end) / 2, height_ - 10, "label x", chart_.x.label);
        const double middle = (top_ + low) / 2;
        return text + element(
                          "text",
                          {{"transform", "translate(16 " + coordinate(middle) + ") rotate(-90)"},
                           {"class", "label x"}},
                          escaped(chart_.y.label)
                      );
    }

    /// The parts of a line between its gaps.
    template <class Draw>
    std::string runs(const std::vector<point>& all, Draw draw) const {
        std::string text;
        for (auto from = all.begin(); from != all.end();) {
            from = std::find_if(from, all.end(), is_there);
            const auto to = std::find_if_not(from, all.end(), is_there);
            if (from != to)
                text += draw(std::vector<point>(from, to));
            from = to;
        }
        return text;
    }

    std::string path(const std::vector<point>& some, bool steps) const {
        std::string d = "M" + coordinate(x(some[0].x)) + " " + coordinate(y(some[0].y));
        for (std::size_t i = 1; i < some.size(); ++i)
            d += (steps ? "H" + coordinate(x(some[i].x)) + "V"
                        : "L" + coordinate(x(some[i].x)) + " ") +
                 coordinate(y(some[i].y));
        return d;
    }

    std::string line(const chart_line& l) const {
        const bool steps = l.form == chart_line::shape::steps,
                   bars = l.form == chart_line::shape::bars;
        std::string text = runs(l.points, [&](const std::vector<point>& some) {
            std::string d = path(some, steps || bars);
            if (bars)
                d += "V" + coordinate(height_ - bottom) + "H" + coordinate(x(some[0].x)) + "Z";
            const std::string kind = bars ? "bar c" + std::to_string(l.color) : kind_of(l);
            return element("path", {{"d", d}, {"class", kind}});
        });
        if (l.form == chart_line::shape::marks)
            for (const point& p : l.points)
                if (is_there(p))
                    text += mark(l, p);
        return text;
    }

    std::string mark(const chart_line& l, const point& p) const {
        const std::string what = l.name + ": " + chart_.x.name(p.x) + ", " + chart_.y.name(p.y);
        return element(
            "circle",
            {{"cx", coordinate(x(p.x))},
             {"cy", coordinate(y(p.y))},
             {"r", "3.5"},
             {"class", "mark c" + std::to_string(l.color)}},
            element("title", {}, escaped(what))
        );
    }

    /// Names of neighbours stand below each other.
    std::string rule(const chart_rule& r, std::size_t number) const {
        const double low = height_ - bottom, end = width - right;
        if (!r.vertical)
            return line_at(left, y(r.at), end, y(r.at), "rule") +
                   text_at(left + 6, y(r.at) - 5, "note", r.name);
        const double at = x(r.at);
        const bool before = at + 8 + letter * static_cast<double>(r.name.size()) > end;
        const double down = top_ + 12 + 15 * static_cast<double>(number % 4);
        return line_at(at, top_, at, low, "rule") +
               text_at(at + (before ? -5 : 5), down, before ? "note end" : "note", r.name);
    }

    const chart& chart_;
    scale x_, y_;
    double top_ = top, height_ = height;
    std::string legend_;
};

}  // namespace

std::string figure(const chart& c) {
    return element(
               "figure",
               {},
               element(
                   "figcaption",
                   {},
                   element("h3", {}, escaped(c.title)) + element("p", {}, escaped(c.description))
               ) + drawing(c).all()
           ) +
           "\n";
}

}  // namespace coserve_bench
