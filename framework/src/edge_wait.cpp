#include "edge_wait.hpp"

#include <boost/asio/execution_context.hpp>

namespace coserve {

edge_wait::edge_wait(io_context& context, int descriptor, observer& o)
    : reactor_op(error_code(), &perform, &complete),
      reactor_(asio::use_service<asio::detail::reactor>(context)),
      descriptor_(descriptor),
      observer_(o) {
    reactor_.init_task();
    if (const int error = reactor_.register_descriptor(descriptor_, data_))
        throw system_error(error, boost::system::system_category(), "register_descriptor");
}

void edge_wait::start() noexcept {
    waiting_ = true;
    ec_ = {};
    reactor_.start_op(
        asio::detail::reactor::read_op,
        descriptor_,
        data_,
        this,
        /*is_continuation=*/true,
        /*allow_speculative=*/true,
        &asio::detail::reactor::call_post_immediate_completion,
        &reactor_
    );
}

void edge_wait::cancel() noexcept {
    reactor_.cancel_ops(descriptor_, data_);
}

void edge_wait::close() noexcept {
    reactor_.deregister_descriptor(descriptor_, data_, /*closing=*/false);
    reactor_.cleanup_descriptor_data(data_);
}

// "Exhausted": until the next edge there is nothing to try.
edge_wait::status edge_wait::perform(asio::detail::reactor_op*) {
    return done_and_exhausted;
}

void edge_wait::complete(
    void* owner, asio::detail::operation* self, const error_code&, std::size_t
) {
    auto& wait = *static_cast<edge_wait*>(self);
    wait.waiting_ = false;
    if (!owner)  // the context is being destroyed
        return;
    if (wait.ec_)
        wait.observer_.on_cancelled();
    else
        wait.observer_.on_edge();
}

}  // namespace coserve
