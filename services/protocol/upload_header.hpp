/// \file
/// The headers and replies of the upload format `json-header`, as the JSON text within their
/// frames.
#pragma once

#include "protocol/upload_error.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace coserve {

/// What a client says before each file. A default is not written.
struct upload_header {
    std::string file_name;
    std::uint64_t file_size = 0;
    std::string message = {};  ///< `msg`, for whoever reads the server's log
    bool reply = false;        ///< the client waits for `upload_reply`s
    std::string sha256 = {};   ///< 64 lower-case hex digits of the content; empty: unknown
    bool resume = false;       ///< what came of it before is kept; needs `sha256`
};

/// A header that is refused.
class bad_upload_header : public upload_error {
public:
    bad_upload_header(std::string_view word, const std::string& sentence, bool reply)
        : upload_error(word, sentence), wants_reply(reply) {}

    bool wants_reply;  ///< as far as it could be read
};

/// Takes the tutorials' `fiel_name` for `file_name` too, and leaves keys that it does not know
/// alone.
/// Errors: `bad_upload_header`, which names the key.
upload_header parse_upload_header(std::string_view json);

/// As Python's `json.dumps` writes it.
std::string to_json(const upload_header&);

/// What a server says to a client that asked for it: `ready`, then `stored`; or `refused`.
struct upload_reply {
    enum class kind : unsigned char { ready, stored, refused };

    kind what = kind::ready;
    std::uint64_t offset = 0;    ///< ready: bytes that are there already
    std::string file_name = {};  ///< stored: as it is named now
    std::uint64_t size = 0;      ///< stored
    std::string sha256 = {};     ///< stored
    std::string error = {};      ///< refused: a stable word
    std::string message = {};    ///< refused: a sentence
};

std::string to_json(const upload_reply&);

/// Errors: `upload_error` `bad-reply`.
upload_reply parse_upload_reply(std::string_view json);

}  // namespace coserve
