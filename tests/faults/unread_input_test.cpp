// A handler that answers much and reads little: the peer gets all of it, though its own bytes were
// never read.
#include "plain_client.hpp"

#include <coserve/testing/loopback_server.hpp>

namespace coserve::faults {
namespace {

constexpr std::size_t reply_size = 1'000'000;

task<> answer_and_leave(frame_stream& stream) {
    co_await stream.read_exactly(1);
    const std::string reply(reply_size, 'r');
    co_await stream.write(reply);
}

TEST(UnreadInput, DoesNotCostThePeerItsReply) {
    testing::loopback_server server(
        [](registry& r) { r.add("answer", answer_and_leave); }, "answer"
    );
    plain_client client(
        server.url(), 4096
    );  // so that most of the reply is still on its way when the handler returns
    ASSERT_TRUE(client.send(std::string(300'000, 'u')));
    EXPECT_EQ(client.receive_rest().size(), reply_size);
    EXPECT_EQ(client.error(), 0);
}

}  // namespace
}  // namespace coserve::faults
