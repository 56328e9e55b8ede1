#include "chat_cookies.hpp"

#include "random_numbers.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>
#include <stdexcept>
#include <sys/socket.h>

namespace coserve {
namespace {

std::int64_t slot_of(chat_time t) noexcept {
    return std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()) / chat_cookies::slot;
}

// What is hashed: the address as the kernel writes it, and the slot.
struct hashed {
    alignas(8) std::array<unsigned char, 32 + sizeof(std::int64_t)> bytes{};

    hashed(const endpoint& e, std::int64_t slot) noexcept {
        static_assert(sizeof bytes >= 28 + sizeof slot);
        e.to_sockaddr(reinterpret_cast<sockaddr*>(bytes.data()));
        std::memcpy(bytes.data() + 32, &slot, sizeof slot);
    }
};

}  // namespace

chat_cookies::chat_cookies() {
    fill_by_chance(secret_);
}

chat_cookie chat_cookies::make(const endpoint& e, std::int64_t slot_number) const {
    const hashed message(e, slot_number);
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    const auto* const done = HMAC(
        EVP_sha256(),
        secret_.data(),
        static_cast<int>(secret_.size()),
        message.bytes.data(),
        message.bytes.size(),
        digest.data(),
        &size
    );
    chat_cookie cookie;
    if (!done || size < cookie.size())
        throw std::runtime_error("OpenSSL has no HMAC with SHA-256");
    std::memcpy(cookie.data(), digest.data(), cookie.size());
    return cookie;
}

chat_cookie chat_cookies::make(const endpoint& e, chat_time now) const {
    return make(e, slot_of(now));
}

bool chat_cookies::is_good(const chat_cookie& c, const endpoint& e, chat_time now) const {
    if (c == chat_cookie())  // of a first join: not worth a hash, and no cookie in 2^128
        return false;
    const auto is = [&](const chat_cookie& made) {
        return CRYPTO_memcmp(made.data(), c.data(), c.size()) == 0;
    };
    return is(make(e, slot_of(now))) || is(make(e, slot_of(now) - 1));
}

}  // namespace coserve
