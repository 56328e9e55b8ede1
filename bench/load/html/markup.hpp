/// \file
/// Elements of HTML and SVG, as text.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace coserve_bench {

/// What somebody else wrote, as text that no browser takes for anything else: control characters
/// are \xNN, and what HTML gives a meaning is an entity.
std::string escaped(std::string_view text);

using attributes = std::initializer_list<std::pair<std::string_view, std::string>>;

/// `<name key="value">content</name>`. Values are escaped here; the content is markup already.
std::string element(std::string_view name, attributes, std::string_view content = "");

/// A coordinate: two digits after the point are a hundredth of a pixel.
std::string coordinate(double);

}  // namespace coserve_bench
