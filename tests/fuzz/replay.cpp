// Replays inputs of the fuzzers without a fuzzer: those of the corpus, or the one that found
// something.
#include "checks.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>

namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in)
        throw std::runtime_error("cannot be read");
    return {std::istreambuf_iterator<char>(in), {}};
}

bool replay(const std::string& framing, const fs::path& file) {
    try {
        fuzz::check(framing, contents(file));
        return true;
    } catch (const std::exception& e) {
        std::printf("%s: %s: %s\n", framing.c_str(), file.c_str(), e.what());
        return false;
    }
}

/// A file, or all files of a directory, of which there must be some.
bool replay_all(const std::string& framing, const fs::path& path) {
    if (!fs::is_directory(path))
        return replay(framing, path);
    std::set<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(path))
        files.insert(entry.path());
    bool good = !files.empty();
    for (const fs::path& file : files)
        good = replay(framing, file) && good;
    std::printf("%s: %zu inputs\n", framing.c_str(), files.size());
    return good;
}

int run(int argc, char** argv) {
    if (argc < 3 || argc % 2 == 0) {
        std::puts("usage: fuzz_replay FRAMING FILE_OR_DIRECTORY ...");
        return 2;
    }
    bool good = true;
    for (int i = 1; i < argc; i += 2)
        good = replay_all(argv[i], argv[i + 1]) && good;
    return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& e) {
        std::printf("fuzz_replay: %s\n", e.what());
        return 2;
    }
}
