#include <coserve/mailbox.hpp>

#include "mailbox_state.hpp"
#include "stream_state.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace coserve {

mailbox::mailbox(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}

mailbox::result mailbox::post(bytes message) const {
    return state_ ? state_->post(std::move(message)) : result::closed;
}

mailbox::result mailbox::state::post(bytes message) {
    const std::scoped_lock lock(mutex_);
    if (!stream_)
        return result::closed;
    if (!waiting_.empty() && size_ + message.size() > capacity_)
        return result::full;
    size_ += message.size();
    waiting_.push_back(std::move(message));
    if (!std::exchange(posted_, true))  // under the lock: the context lives while the stream does
        asio::post(context_, [self = shared_from_this()] {
            {
                const std::scoped_lock posted(self->mutex_);
                self->posted_ = false;
            }
            self->deliver();
        });
    return result::queued;
}

void mailbox::state::deliver() {
    if (std::exchange(delivering_, true))  // writing may flush, and flushing delivers
        return;
    std::unique_lock lock(mutex_);
    while (stream_ && !waiting_.empty() && stream_->takes_mail()) {
        const bytes message = std::move(waiting_.front());
        waiting_.pop_front();
        size_ -= message.size();
        lock.unlock();
        stream_->take_mail(message);
        lock.lock();
    }
    delivering_ = false;
}

void mailbox::state::detach() noexcept {
    const std::scoped_lock lock(mutex_);
    stream_ = nullptr;
    waiting_.clear();
    size_ = 0;
}

}  // namespace coserve
