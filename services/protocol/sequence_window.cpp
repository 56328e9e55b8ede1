#include "protocol/sequence_window.hpp"

namespace coserve {

sequence_window::seen sequence_window::see(std::uint64_t number) noexcept {
    if (bits_ != 0 && number <= highest_) {
        const std::uint64_t behind = highest_ - number;
        const std::uint64_t bit = behind < width ? std::uint64_t{1} << behind : 0;
        const bool known = bit == 0 || (bits_ & bit) != 0;
        bits_ |= bit;
        return {known ? place::known : place::late, 0};
    }
    const std::uint64_t on = bits_ == 0 ? 1 : number - highest_;
    bits_ = (on < width ? bits_ << on : 0) | 1;
    highest_ = number;
    return {place::ahead, on - 1};
}

}  // namespace coserve
