#include <coserve/services/exec.hpp>

#include "exec_native.hpp"
#include "exec_text.hpp"
#include "protocol/exec_wire.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace coserve {

exec_shared::exec_shared() : places_(std::make_unique<exec_places>()) {}

exec_shared::exec_shared(const exec_shared& other)
    : places_(std::make_unique<exec_places>(*other.places_)) {}

exec_shared& exec_shared::operator=(const exec_shared& other) {
    *places_ = *other.places_;
    return *this;
}

exec_shared::~exec_shared() = default;

exec::exec(const options& o, const exec_policy& p, const exec_shared& s)
    : options_(o), policy_(p), shared_(s) {}

exec::~exec() = default;

task<> exec::handle() {
    const boost::asio::any_io_executor here = co_await boost::asio::this_coro::executor;
    open(context_of(here).get_executor());
    co_await connection_->serve();
}

void exec::open(executor where) {
    auto report = [this](log_level level, std::string_view message, std::string_view reason) {
        log(level, message, reason);
    };
    const exec_context c{
        stream(), tasks(), server(), std::move(report), where, options_, policy_, shared_.places()
    };
    if (options_.wire == exec_wire::native)
        connection_ = std::make_unique<exec_native>(c);
    else
        connection_ = std::make_unique<exec_text>(c);
}

}  // namespace coserve
