#include "output_file.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace coserve_bench {

void write_file(const std::string& path, std::string_view text) {
    if (path == "-") {
        if (!(std::cout << text << std::flush))
            throw std::runtime_error("cannot write to standard output");
        return;
    }
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file)
        throw std::runtime_error("cannot write " + path + ": " + std::strerror(errno));
}

}  // namespace coserve_bench
