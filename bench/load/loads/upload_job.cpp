#include "upload_job.hpp"

#include "protocol/marker_end.hpp"
#include "protocol/sha256.hpp"
#include "protocol/upload_error.hpp"

#include <coserve/connect.hpp>
#include <coserve/error.hpp>
#include <coserve/sleep.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <random>
#include <span>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace coserve_bench {

using coserve::task;
using coserve::upload_reply;
using namespace std::chrono_literals;

namespace {

constexpr std::array<std::pair<std::string_view, upload_wire>, 3> wires{{
    {"json-header", upload_wire::json_header},
    {"plain", upload_wire::plain},
    {"marker", upload_wire::marker},
}};
constexpr std::size_t most_digests = 64;

int check(int result, const char* what) {
    if (result < 0)
        throw std::system_error(errno, std::generic_category(), what);
    return result;
}

void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "the files' content");
        bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
}

std::string name_by_chance() {
    std::random_device source;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "bench-%08x", source());
    return text.data();
}

}  // namespace

upload_wire upload_wire_of(std::string_view name) {
    const auto found = std::ranges::find(wires, name, [](const auto& w) { return w.first; });
    if (found == wires.end())
        throw coserve::configuration_error(
            "wire " + std::string(name) + ": must be json-header, plain or marker"
        );
    return found->second;
}

upload_content::upload_content(std::size_t longest)
    : fd_(check(::memfd_create("coserve-bench", MFD_CLOEXEC), "memfd_create")),
      prefix_(name_by_chance()),
      bytes_(longest, 'x') {
    for (std::size_t i = 0; i < longest; ++i)
        bytes_[i] = static_cast<char>('a' + i % 26);
    write_all(fd_, bytes_);
}

upload_content::~upload_content() {
    ::close(fd_);
}

int upload_content::open() const {
    const std::string path = "/proc/self/fd/" + std::to_string(fd_);
    return check(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "the files' content");
}

std::string upload_content::name(std::size_t connection, std::uint64_t number) const {
    return prefix_ + "-" + std::to_string(connection) + "-" + std::to_string(number);
}

std::string upload_content::sha256(std::size_t size) const {
    coserve::sha256 hash;
    hash.feed(std::as_bytes(std::span(bytes_).first(size)));
    return hash.digest();
}

upload_job::upload_job(
    const plan& p, std::size_t number, std::shared_ptr<const upload_content> content
)
    : plan_(p),
      wire_(upload_wire_of(p.wire)),
      number_(number),
      content_(std::move(content)),
      file_(content_->open()) {}

upload_job::~upload_job() {
    ::close(file_);
}

task<> upload_job::connect() {
    coserve::frame_stream stream = co_await coserve::connect(plan_.url, plan_.timeout);
    stream_.emplace(std::move(stream));
}

task<std::uint64_t> upload_job::perform(std::size_t size) {
    if (!stream_)
        co_await connect();
    if (wire_ == upload_wire::json_header)
        co_await send_asking(size);
    else if (wire_ == upload_wire::plain)
        co_await send_plain(size);
    else
        co_await send_marked(size);
    co_return size;
}

void upload_job::abort() noexcept {
    if (stream_)
        stream_->abort();
}

void upload_job::disconnect() noexcept {
    stream_.reset();
}

task<> upload_job::send_asking(std::size_t size) {
    const std::string text = to_json(header(size));
    co_await stream_->write_frame(text);
    const upload_reply ready = co_await read_reply();
    if (ready.what != upload_reply::kind::ready || ready.offset != 0)
        throw job_failure(error_kind::wrong_reply, "the server's reply makes no sense here", true);
    co_await send_content(size);
    const upload_reply stored = co_await read_reply();
    check(stored, size);
}

task<> upload_job::send_plain(std::size_t size) {
    const std::string text = to_json(header(size));
    co_await stream_->write_frame(text);
    co_await send_content(size);
    co_await await_acknowledged();
    disconnect();
}

/// With the pauses that keep the marker alone in the receiver's hands.
task<> upload_job::send_marked(std::size_t size) {
    constexpr auto pause = 100ms;
    co_await send_content(size);
    co_await await_acknowledged();
    co_await coserve::sleep(pause);
    co_await stream_->write(coserve::marker);
    co_await await_acknowledged();
    co_await coserve::sleep(pause);
    co_await stream_->write(coserve::marker_text);
    co_await await_acknowledged();
    disconnect();
}

task<> upload_job::send_content(std::size_t size) {
    ++sent_;
    if (::lseek(file_, 0, SEEK_SET) < 0)
        throw job_failure(error_kind::other, "cannot read the file's content", true);
    co_await stream_->send_file(file_, size);
}

task<> upload_job::await_acknowledged() {
    co_await stream_->flush();
    while (stream_->unacknowledged() != 0)
        co_await coserve::sleep(1ms);
}

task<upload_reply> upload_job::read_reply() {
    const auto text = co_await stream_->read_frame();
    if (!text)
        throw job_failure(error_kind::closed, "the server ended the connection", true);
    upload_reply reply;
    try {
        reply = coserve::parse_upload_reply(text->text());
    } catch (const coserve::upload_error& e) {
        throw job_failure(error_kind::malformed, e.what(), true);
    }
    if (reply.what == upload_reply::kind::refused) {
        disconnect();  // this file's bytes are for nobody; the next one has a new connection
        throw job_failure(error_kind::failed, reply.message + " (" + reply.error + ")", false);
    }
    co_return reply;
}

coserve::upload_header upload_job::header(std::size_t size) const {
    coserve::upload_header h;
    h.file_name = content_->name(number_, sent_);
    h.file_size = size;
    h.reply = wire_ == upload_wire::json_header;
    if (!h.reply)
        h.message = h.file_name;  // some servers fail where there is none
    return h;
}

void upload_job::check(const upload_reply& stored, std::size_t size) {
    if (plan_.verify == verification::off)
        return;
    bool right = stored.what == upload_reply::kind::stored && stored.size == size;
    if (plan_.verify == verification::full) {
        if (digests_.size() > most_digests)
            digests_.clear();
        std::string& digest = digests_[size];
        if (digest.empty())
            digest = content_->sha256(size);
        right = right && stored.sha256 == digest;
    }
    if (!right)
        throw job_failure(error_kind::wrong_reply, "the server has stored something else", false);
}

}  // namespace coserve_bench
