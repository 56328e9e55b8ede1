#include <coserve/io.hpp>

namespace coserve {

io_context& context_of(const asio::any_io_executor& any) {
    const auto* const own = any.target<executor>();
    if (!own)
        throw system_error(make_error_code(errc::wrong_executor));
    return own->context();
}

}  // namespace coserve
