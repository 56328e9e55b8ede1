#include "protocol/sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace coserve {

struct sha256::state {
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};

    static void check(int result) {
        if (result != 1)
            throw std::runtime_error("OpenSSL has no SHA-256");
    }
};

sha256::sha256() : state_(std::make_unique<state>()) {
    state::check(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr));
}

sha256::sha256(sha256&&) noexcept = default;
sha256& sha256::operator=(sha256&&) noexcept = default;
sha256::~sha256() = default;

void sha256::feed(std::span<const std::byte> piece) {
    state::check(EVP_DigestUpdate(state_->context.get(), piece.data(), piece.size()));
}

std::string sha256::digest() {
    constexpr char digits[] = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
    unsigned size = 0;
    state::check(EVP_DigestFinal_ex(state_->context.get(), raw.data(), &size));
    std::string out;
    for (unsigned i = 0; i < size; ++i)
        (out += digits[raw[i] >> 4]) += digits[raw[i] & 15];
    return out;
}

}  // namespace coserve
