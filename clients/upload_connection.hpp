/// \file
/// Files on their way to a server.
#pragma once

#include "protocol/upload_header.hpp"
#include "server_url.hpp"
#include "upload_files.hpp"
#include "upload_source.hpp"

#include <coserve/frame_stream.hpp>
#include <coserve/io.hpp>
#include <coserve/task.hpp>
#include <coserve/task_group.hpp>
#include <coserve/units.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace coserve_client {

enum class upload_wire : unsigned char { json_header, marker };

struct upload_options {
    std::string url;
    upload_wire wire = upload_wire::json_header;
    std::string message;
    bool plain = false;   ///< as the tutorials do: no reply, a connection for each file
    bool resume = false;  ///< go on where an interrupted upload ended
    coserve::duration connect_timeout{};
    /// For each reply once all of the file is sent; `longest_time`: no limit. What the server does
    /// with a large file takes longer: it has a second more for each 16 MiB.
    coserve::duration reply_timeout{};
};

/// What became of a file.
struct uploaded {
    std::string name;  ///< as the server has it
    std::uint64_t size = 0;
    std::string sha256;  ///< as both ends have it; empty: nobody asked
};

/// Uploads one file after the other, on one connection where the format and the server allow it.
///
/// Errors: `failure`, `coserve::system_error`; the next file has a new connection then.
class upload_connection {
public:
    upload_connection(coserve::executor, const upload_options&, const server_url&);

    coserve::task<uploaded> send(upload_file);

    /// Ends the connection in the context's next turns.
    void close() noexcept { stream_.reset(); }

private:
    using source = std::shared_ptr<const upload_source>;
    using hash = std::shared_ptr<content_hash>;

    coserve::task<> connect();
    coserve::task<> hash_first(const upload_file&, source, hash);
    coserve::task<uploaded> send_asking(const upload_file&, source, hash);
    coserve::task<> send_and_hear(const upload_file&, source, std::uint64_t offset);
    coserve::task<> send_plain(const upload_file&, source);
    coserve::task<> send_marked(const upload_file&, source);
    coserve::task<> send_content(const upload_file&, source, std::uint64_t offset);
    coserve::task<> await_acknowledged();
    coserve::task<> read_reply();
    coserve::task<> await_reply(coserve::task_group& listening, std::uint64_t size);
    coserve::task<> lose_patience(coserve::duration limit);
    coserve::upload_reply reply();

    coserve::executor executor_;
    const upload_options& options_;
    const server_url& url_;
    std::optional<coserve::frame_stream> stream_;
    std::optional<coserve::upload_reply> reply_;
    bool lost_patience_ = false;
};

}  // namespace coserve_client
