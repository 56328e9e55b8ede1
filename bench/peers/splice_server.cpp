// The limit for uploads: what the kernel takes to bring a stream into a file. Each connection's
// bytes go by splice into a nameless file of a directory, whose room is taken first; with `hash`
// OpenSSL hashes the file then, with `fsync` it is brought to the disk.
//
// splice_server DIRECTORY SIZE [hash|fsync]
#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::size_t piece = std::size_t{1} << 20;

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

void splice_all(int from, int to) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(piece)) < 0)
        fail("pipe");
    for (ssize_t n; (n = splice(from, nullptr, ends[1], nullptr, piece, SPLICE_F_MOVE)) > 0;)
        while (n > 0) {
            const ssize_t moved =
                splice(ends[0], nullptr, to, nullptr, static_cast<std::size_t>(n), SPLICE_F_MOVE);
            if (moved <= 0)
                fail("splice");
            n -= moved;
        }
    close(ends[0]);
    close(ends[1]);
}

void hash_file(int file, std::size_t size) {
    std::vector<unsigned char> buffer(std::size_t{256} << 10);
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
    for (std::size_t at = 0; at < size;) {
        const ssize_t n = pread(file, buffer.data(), buffer.size(), static_cast<off_t>(at));
        if (n <= 0)
            break;
        EVP_DigestUpdate(context, buffer.data(), static_cast<std::size_t>(n));
        at += static_cast<std::size_t>(n);
    }
    EVP_MD_CTX_free(context);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3)
        return 2;
    const auto size = static_cast<std::size_t>(std::atoll(argv[2]));
    const bool hashes = argc > 3 && std::strcmp(argv[3], "hash") == 0;
    const bool syncs = argc > 3 && std::strcmp(argv[3], "fsync") == 0;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        listen(listener, 16) != 0)
        fail("listen");
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    for (;;) {
        const int peer = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        const int file = open(argv[1], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (peer < 0 || file < 0)
            fail("accept or open");
        if (fallocate(file, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) != 0)
            fail("fallocate");
        splice_all(peer, file);
        if (hashes)
            hash_file(file, size);
        if (syncs && fsync(file) != 0)
            fail("fsync");
        close(file);
        close(peer);
    }
}
