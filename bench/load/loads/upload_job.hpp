/// \file
/// A file, as a client of upload sends it.
#pragma once

#include "job.hpp"
#include "plan.hpp"

#include "protocol/upload_header.hpp"

#include <coserve/frame_stream.hpp>
#include <coserve/task.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coserve_bench {

enum class upload_wire : unsigned char {
    json_header,  ///< with a reply, once the file is stored
    plain,        ///< the same without a reply: a connection for each file
    marker        ///< and with a marker behind the file instead of a header before it
};

/// Errors: `coserve::configuration_error` for a wire that there is none of.
upload_wire upload_wire_of(std::string_view name);

/// What all uploads of a run have in common: the bytes, of which each file is the beginning, and
/// the names, which no other run has.
class upload_content {
public:
    /// Errors: `std::system_error`.
    explicit upload_content(std::size_t longest);
    upload_content(const upload_content&) = delete;
    upload_content& operator=(const upload_content&) = delete;
    ~upload_content();

    /// Of a descriptor with an offset of its own.
    int open() const;
    std::string name(std::size_t connection, std::uint64_t number) const;
    std::string sha256(std::size_t size) const;

private:
    int fd_;
    std::string prefix_, bytes_;
};

/// One file after the other. With a reply it is done when the server says that it is stored, else
/// when the server's machine has all of it. Verified by `length` the reply is to name its size;
/// `full`: and its SHA-256.
class upload_job final : public job {
public:
    upload_job(const plan&, std::size_t number, std::shared_ptr<const upload_content>);
    ~upload_job() override;

    coserve::task<> connect() override;
    coserve::task<std::uint64_t> perform(std::size_t size) override;
    void abort() noexcept override;
    void disconnect() noexcept override;

private:
    coserve::task<> send_asking(std::size_t size);
    coserve::task<> send_plain(std::size_t size);
    coserve::task<> send_marked(std::size_t size);
    coserve::task<> send_content(std::size_t size);
    coserve::task<coserve::upload_reply> read_reply();
    coserve::task<> await_acknowledged();
    coserve::upload_header header(std::size_t size) const;
    void check(const coserve::upload_reply&, std::size_t size);

    const plan& plan_;
    const upload_wire wire_;
    const std::size_t number_;
    const std::shared_ptr<const upload_content> content_;
    const int file_;
    std::uint64_t sent_ = 0;
    std::map<std::size_t, std::string> digests_;  // of sizes seen, a few
    std::optional<coserve::frame_stream> stream_;
};

}  // namespace coserve_bench
