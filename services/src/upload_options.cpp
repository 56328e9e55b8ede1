#include <coserve/services/upload.hpp>

#include <coserve/length_prefix.hpp>
#include <coserve/raw.hpp>

#include <memory>

namespace coserve {

namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 62;

// A function: g++ 12 at -O3 thinks that a closure without captures is not initialized.
std::unique_ptr<codec> make_raw_codec() {
    return std::make_unique<raw_codec>();
}

}  // namespace

void upload::options::read(option_reader& reader) {
    reader.choice(
        "wire",
        format,
        {{"json-header", wire::json_header}, {"marker", wire::marker}},
        "how files come: after a JSON header each, or one whose end is marked"
    );
    reader.text("dir", directory, "where files go; empty: what --upload-dir says");
    reader.choice(
        "existing",
        existing,
        {{"refuse", existing_file::refuse},
         {"rename", existing_file::rename},
         {"replace", existing_file::replace}},
        "where a name is taken: an error, \"name (1).ext\", or the new file in its place"
    );
    reader.size("max-file", max_file, 0, most_bytes, "the largest file; 0: no limit");
    reader.size("quota", quota, 0, most_bytes, "of all files of the directory; 0: no limit");
    reader.size("min-rate", min_rate, 0, most_bytes, "a second, over ten seconds; 0: none");
    reader.count("max-partials", max_partials, 1, 100'000, "interrupted uploads that are kept");
    reader.size("partial-size", partial_size, 0, most_bytes, "of them together; 0: no limit");
    reader.time("partial-age", partial_age, "for how long they are kept; 0: for ever");
    reader.size(
        "max-header", max_header, 2, std::size_t{16} << 20, "the longest header that is taken"
    );
}

framing upload::options::codecs(const stream_limits&) const {
    if (format == wire::marker)
        return {&make_raw_codec, &make_raw_codec};
    const codec_factory headers = [most = max_header] {
        auto made = std::make_unique<length_prefix_codec>();
        made->set_max_frame(most);
        return made;
    };
    return {headers, headers};
}

/// The usual one is made when something comes: a server need not have a place where it can be.
void upload::options::start(const upload_directories& directories) const {
    if (!directory.empty() || directories.was_chosen())
        directories.open(directory);
}

}  // namespace coserve
