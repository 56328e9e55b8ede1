#include "upload_source.hpp"

#include "failure.hpp"
#include "protocol/sha256.hpp"

#include <coserve/blocking_pool.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coserve_client {

namespace {

constexpr std::size_t job = std::size_t{4} << 20, piece = std::size_t{256} << 10;

[[noreturn]] void fail_reading() {
    throw failure(std::string("cannot read: ") + std::strerror(errno));
}

}  // namespace

upload_source::upload_source(const std::string& path)
    : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat about{};
    if (fd_ < 0)
        fail_reading();
    if (::fstat(fd_, &about) != 0) {
        ::close(fd_);
        fail_reading();
    }
    size_ = static_cast<std::uint64_t>(about.st_size);
}

upload_source::~upload_source() {
    ::close(fd_);
}

void upload_source::seek(std::uint64_t offset) const {
    if (::lseek(fd_, static_cast<off_t>(offset), SEEK_SET) < 0)
        fail_reading();
}

coserve::task<>
hash_content(std::shared_ptr<const upload_source> from, std::shared_ptr<content_hash> into) {
    coserve::sha256 hash;
    std::vector<std::byte> memory(piece);
    std::uint64_t done = 0;
    bool ended = false;
    auto next = [&] {
        const std::uint64_t end = done + job;
        while (!ended && done < end) {
            const ssize_t n =
                ::pread(from->fd(), memory.data(), memory.size(), static_cast<off_t>(done));
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                fail_reading();
            hash.feed(std::span(memory).first(static_cast<std::size_t>(n)));
            done += static_cast<std::uint64_t>(n);
            ended = n == 0;
        }
    };
    while (!ended) {
        co_await coserve::run_blocking(next);
        into->done = done;
    }
    into->sha256 = hash.digest();
}

}  // namespace coserve_client
