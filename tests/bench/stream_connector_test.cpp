#include "loopback_listener.hpp"

#include <loads/stream_connector.hpp>

#include <coserve/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <list>
#include <string>
#include <vector>

namespace coserve_bench {
namespace {

using namespace std::chrono_literals;
using place = stream_connector::place;

class stream_connector_test : public testing::Test, public stream_connector::observer {
protected:
    void on_connected(place& p) override { connected_.push_back(&p); }

    void on_connect_failed(place& p, const coserve::system_error& e) override {
        EXPECT_FALSE(p.socket.is_open());
        errors_.push_back(e.code());
    }

    stream_connector& to(const stream_target& target, coserve::duration limit = 20s) {
        return connector_.emplace_back(
            std::make_shared<const stream_target>(target), sockets_, limit, *this
        );
    }

    void finish(stream_connector& c) {
        const clock::time_point late = clock::now() + 20s;
        while (!c.idle() && clock::now() < late)
            turn(c);
        ASSERT_TRUE(c.idle());
    }

    void turn(stream_connector& c) {
        c.look(clock::now());
        const auto left = std::max<coserve::duration>(c.next_time() - clock::now(), 0s);
        sockets_.wait(std::min<coserve::duration>(left, 100ms), [&](void* owner, std::uint32_t) {
            place& p = *static_cast<place*>(owner);
            if (p.connecting())
                c.on_ready(p);
        });
    }

    loopback_listener listener_;
    transfer_room room_;
    socket_set sockets_;
    std::list<stream_connector> connector_;
    std::vector<place*> connected_;
    std::vector<coserve::error_code> errors_;
};

TEST_F(stream_connector_test, makes_each_at_its_time) {
    stream_connector& c = to(stream_target(listener_.of_plan()));
    std::list<place> places;
    const clock::time_point begin = clock::now();
    for (int i = 0; i < 100; ++i)
        c.connect_at(begin, places.emplace_back(room_));
    c.connect_at(begin + 50ms, places.emplace_back(room_));
    finish(c);
    EXPECT_GE(clock::now(), begin + 50ms);
    EXPECT_EQ(connected_.size(), 101U);
    EXPECT_EQ(connected_.back(), &places.back());
}

TEST_F(stream_connector_test, tries_all_addresses_and_begins_with_the_good_one) {
    stream_target target(listener_.of_plan());
    {
        const loopback_listener gone;
        target.addresses.insert(
            target.addresses.begin(), stream_target(gone.of_plan()).addresses[0]
        );
    }
    stream_connector& c = to(target);
    place p(room_);
    c.connect_at(clock::now(), p);
    finish(c);
    EXPECT_EQ(connected_.size(), 1U);
    EXPECT_TRUE(errors_.empty());

    listener_.close();
    p.socket.close();
    c.connect_at(clock::now(), p);
    finish(c);
    EXPECT_THAT(errors_, testing::ElementsAre(boost::asio::error::connection_refused));
}

class stream_connector_queue_test : public stream_connector_test {
protected:
    using local = boost::asio::local::stream_protocol;

    stream_connector_queue_test() {
        acceptor_.open();
        acceptor_.bind(local::endpoint(path_));
        acceptor_.listen(0);
        plan_.url = "unix:" + path_;
        filling_.connect(local::endpoint(path_));  // all that it holds
    }

    ~stream_connector_queue_test() override { std::filesystem::remove(path_); }

    const std::string path_ =
        std::filesystem::temp_directory_path() / ("connector_" + std::to_string(::getpid()));
    boost::asio::io_context context_;
    local::acceptor acceptor_{context_};
    local::socket filling_{context_};
    plan plan_;
};

TEST_F(stream_connector_queue_test, waits_for_room_in_a_full_queue) {
    stream_connector& c = to(stream_target(plan_));
    place p(room_);
    c.connect_at(clock::now(), p);
    for (int i = 0; i < 5; ++i)
        turn(c);
    EXPECT_TRUE(connected_.empty());
    EXPECT_FALSE(c.idle());
    const local::socket first = acceptor_.accept();
    finish(c);
    EXPECT_EQ(connected_.size(), 1U);
    EXPECT_TRUE(errors_.empty());
}

TEST_F(stream_connector_queue_test, has_a_limit) {
    stream_connector& c = to(stream_target(plan_), 30ms);
    place p(room_);
    c.connect_at(clock::now(), p);
    finish(c);
    EXPECT_THAT(errors_, testing::ElementsAre(make_error_code(coserve::errc::timeout)));
    EXPECT_TRUE(connected_.empty());
}

}  // namespace
}  // namespace coserve_bench
