// A download by send_file() beside a bare loop of sendfile, in turns within one run:
//
//   download_bench [--size MIB] [--rounds N] [--directory DIR]
//
// One thread receives, and drops what comes; the processor time is that of all others. The file is
// in the page cache.
#include "sockets.hpp"

#include <coserve/server.hpp>
#include <coserve/stream_handler.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace {

using coserve::bench::checked;
using coserve::bench::descriptor;

struct plan {
    std::uint64_t mib = 1024;
    unsigned rounds = 7;
    std::string directory = "/dev/shm";

    std::uint64_t size() const { return mib << 20; }
};

struct measured {
    double seconds = 0, cpu = 0;
};

double seconds_of(const rusage& u) {
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(u.ru_utime) + seconds(u.ru_stime);
}

double cpu_of(int who) {
    rusage used{};
    checked(::getrusage(who, &used), "getrusage");
    return seconds_of(used);
}

descriptor make_file(const plan& p) {
    descriptor file(
        checked(::open(p.directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), "open")
    );
    const std::vector<char> piece(std::size_t{1} << 20, 'x');
    for (std::uint64_t i = 0; i < p.mib; ++i)
        if (::write(file.get(), piece.data(), piece.size()) != static_cast<ssize_t>(piece.size()))
            throw std::runtime_error("cannot write the file");
    return file;
}

/// With an offset of its own.
descriptor reopened(int file) {
    const std::string path = "/proc/self/fd/" + std::to_string(file);
    return descriptor(checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), "open"));
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// Until the sender ends; its bytes are dropped within the kernel.
measured download(std::uint16_t port, std::uint64_t size) {
    const auto begin = std::chrono::steady_clock::now();
    const double others = cpu_of(RUSAGE_SELF) - cpu_of(RUSAGE_THREAD);
    const descriptor peer(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const sockaddr_in address = loopback(port);
    checked(
        ::connect(peer.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
        "connect"
    );
    std::uint64_t received = 0;
    for (ssize_t n; (n = ::recv(peer.get(), nullptr, std::size_t{1} << 20, MSG_TRUNC)) > 0;)
        received += static_cast<std::uint64_t>(n);
    if (received != size)
        throw std::runtime_error("not all of the file came");
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    return {passed.count(), cpu_of(RUSAGE_SELF) - cpu_of(RUSAGE_THREAD) - others};
}

// ---- the bare loop

class bare_server {
public:
    bare_server(int file, std::uint64_t size)
        : listener_(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
        sockaddr_in address = loopback(0);
        socklen_t length = sizeof address;
        checked(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length), "bind");
        checked(::listen(listener_.get(), 1), "listen");
        checked(
            ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length),
            "getsockname"
        );
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this, file, size] { serve(file, size); });
    }

    bare_server(const bare_server&) = delete;
    bare_server& operator=(const bare_server&) = delete;

    ~bare_server() { ::shutdown(listener_.get(), SHUT_RDWR); }

    std::uint16_t port() const { return port_; }

private:
    void serve(int file, std::uint64_t size) const {
        for (int peer; (peer = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
            const descriptor to(peer);
            off_t at = 0;
            while (static_cast<std::uint64_t>(at) < size)
                if (::sendfile(to.get(), file, &at, size - static_cast<std::uint64_t>(at)) <= 0)
                    break;
        }
    }

    descriptor listener_;
    std::uint16_t port_ = 0;
    std::jthread thread_;
};

// ---- coserve

struct shared_file {
    int fd;
    std::uint64_t size;
};

class sender final : public coserve::stream_handler {
public:
    explicit sender(const shared_file& f) : file_(f) {}

    coserve::task<> handle() override {
        const descriptor own = reopened(file_.fd);
        co_await stream().send_file(own.get(), file_.size);
    }

private:
    const shared_file& file_;
};

class coserve_server {
public:
    coserve_server(int file, std::uint64_t size) : server_({.cores = 1}) {
        server_.registry().add<sender>("download", shared_file{file, size});
        const std::string url = server_.listen("download=tcp://127.0.0.1:0?framing=raw").url();
        port_ = static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
        thread_ = std::thread([this] { server_.run(); });
    }

    coserve_server(const coserve_server&) = delete;
    coserve_server& operator=(const coserve_server&) = delete;

    ~coserve_server() {
        server_.stop();
        thread_.join();
    }

    std::uint16_t port() const { return port_; }

private:
    coserve::server server_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

// ---- the run

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

void show(
    const char* name,
    const std::vector<measured>& all,
    const std::vector<measured>& limit,
    double gib
) {
    std::vector<double> rates, costs, faster, dearer;
    for (std::size_t i = 0; i < all.size(); ++i) {
        rates.push_back(1024 * gib / all[i].seconds);
        costs.push_back(all[i].cpu / gib);
        faster.push_back(limit[i].seconds / all[i].seconds);
        dearer.push_back(all[i].cpu / limit[i].cpu);
    }
    std::printf(
        "| %s | %.0f | %.2f | %.3f | %.2f |\n",
        name,
        median(rates),
        median(faster),
        median(costs),
        median(dearer)
    );
}

void run(const plan& p) {
    const descriptor file = make_file(p);
    const bare_server bare(file.get(), p.size());
    const coserve_server ours(file.get(), p.size());
    std::vector<measured> by_hand, by_coserve;
    for (unsigned i = 0; i <= p.rounds; ++i) {  // the first warms up
        by_hand.push_back(download(bare.port(), p.size()));
        by_coserve.push_back(download(ours.port(), p.size()));
    }
    by_hand.erase(by_hand.begin());
    by_coserve.erase(by_coserve.begin());
    const double gib = static_cast<double>(p.mib) / 1024;
    std::puts(
        "| download | MiB/s | to the limit | CPU s/GiB | to the limit |\n|---|---|---|---|---|"
    );
    show("bare sendfile (the limit)", by_hand, by_hand, gib);
    show("send_file()", by_coserve, by_hand, gib);
}

int usage() {
    std::fputs("usage: download_bench [--size MIB] [--rounds N] [--directory DIR]\n", stderr);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    plan p;
    for (int i = 1; i < argc; i += 2) {
        const std::string option = argv[i];
        if (i + 1 == argc)
            return usage();
        if (option == "--size")
            p.mib = std::strtoull(argv[i + 1], nullptr, 10);
        else if (option == "--rounds")
            p.rounds = static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10));
        else if (option == "--directory")
            p.directory = argv[i + 1];
        else
            return usage();
    }
    if (p.mib == 0 || p.rounds == 0)
        return usage();
    try {
        run(p);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "download_bench: %s\n", e.what());
        return 1;
    }
    return 0;
}
