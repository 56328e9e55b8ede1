#include "plan.hpp"

namespace coserve_bench {

std::string_view name_of(load_kind kind) noexcept {
    switch (kind) {
    case load_kind::echo:
        return "echo";
    case load_kind::connect:
        return "connect";
    case load_kind::idle:
        return "idle";
    case load_kind::exec:
        return "exec";
    case load_kind::upload:
        return "upload";
    case load_kind::chat:
        return "chat";
    }
    return "";
}

std::string_view name_of(verification level) noexcept {
    switch (level) {
    case verification::off:
        return "off";
    case verification::length:
        return "length";
    case verification::full:
        return "full";
    }
    return "";
}

}  // namespace coserve_bench
