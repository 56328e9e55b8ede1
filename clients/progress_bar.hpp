/// \file
/// How far something is that takes a while, on a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace coserve_client {

/// One line: "a.bin   45 % [=====>      ] 12.3 of 27.1 MiB, 11.2 MiB/s, 0:01 left", cut to
/// `columns`. `rate`: bytes a second; 0: not known yet.
std::string progress_line(
    std::string_view name, std::uint64_t done, std::uint64_t size, double rate, std::size_t columns
);

/// "12.3 MiB".
std::string readable_size(std::uint64_t bytes);

/// Draws such a line on stderr again and again, where that is a terminal, and takes it away.
class progress_bar {
public:
    /// `before`: bytes that were there already, which do not count for the rate.
    progress_bar(std::string name, std::uint64_t size, std::uint64_t before);
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;
    ~progress_bar();

    void show(std::uint64_t done);

private:
    std::string name_;
    std::uint64_t size_, before_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    bool is_terminal_;
    bool shown_ = false;
};

}  // namespace coserve_client
