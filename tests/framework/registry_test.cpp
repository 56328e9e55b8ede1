#include <coserve/length_prefix.hpp>
#include <coserve/registry.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coserve {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class silent final : public stream_handler {
    task<> handle() override { co_return; }
};

class configured : public stream_handler {
public:
    struct options {
        unsigned most = 3;

        void read(option_reader& reader) { reader.count("most", most, 1, 9, "how many"); }
    };

    explicit configured(const options& o, const std::string& t = {}) : most(o.most), text(t) {}

    task<> handle() override { co_return; }

    unsigned most;
    std::string text;
};

task<> in_a_function(frame_stream&) {
    co_return;
}

std::string refusal(const std::function<void()>& work) {
    try {
        work();
    } catch (const configuration_error& e) {
        return e.what();
    }
    return "none";
}

handler_factory factory(const registry& r, const char* name, std::vector<option> given = {}) {
    option_reader reader("subject", std::move(given));
    auto made = r.find(name)(reader);
    reader.finish();
    return made;
}

TEST(registry_test, finds_what_was_added) {
    registry r;
    r.add<silent>("silent");
    r.add("function", &in_a_function);
    r.add("lambda", [](frame_stream&) -> task<> { co_return; });
    for (const char* name : {"silent", "function", "lambda"})
        EXPECT_TRUE(factory(r, name)()) << name;
}

TEST(registry_test, lists_the_known_services) {
    registry r;
    EXPECT_THAT(refusal([&] { r.find("echo"); }), HasSubstr("the known ones are none"));
    r.add<silent>("b");
    r.add<silent>("a");
    EXPECT_THAT(
        refusal([&] { r.find("echo"); }),
        AllOf(HasSubstr("unknown service \"echo\""), HasSubstr("the known ones are a, b"))
    );
}

TEST(registry_test, takes_a_name_once) {
    registry r;
    r.add<silent>("echo");
    EXPECT_THAT(refusal([&] { r.add<silent>("echo"); }), HasSubstr("\"echo\""));
    EXPECT_THAT(refusal([&] { r.add("echo", &in_a_function); }), HasSubstr("\"echo\""));
}

TEST(registry_test, makes_a_handler_for_each_connection) {
    registry r;
    r.add<silent>("silent");
    const auto make = factory(r, "silent");
    EXPECT_NE(make().get(), make().get());
}

TEST(registry_test, reads_options_for_each_listener) {
    registry r;
    r.add<configured>("configured");
    const auto made = [&](std::vector<option> given) {
        const auto handler = factory(r, "configured", std::move(given))();
        return dynamic_cast<const configured&>(*handler).most;
    };
    EXPECT_EQ(made({}), 3U);
    EXPECT_EQ(made({{"most", "5"}}), 5U);
    EXPECT_THAT(refusal([&] { made({{"most", "10"}}); }), HasSubstr("1 to 9"));
    EXPECT_THAT(refusal([&] { made({{"more", "1"}}); }), HasSubstr("most"));
}

/// Speaks frames of 3 bytes, and waits longer for its peers.
class with_a_wire final : public stream_handler {
public:
    struct options {
        void read(option_reader&) {}

        void preset(stream_limits& l) const { l.write_timeout = std::chrono::seconds(99); }

        framing codecs(const stream_limits& l) const {
            length_prefix_codec codec;
            codec.set_max_frame(l.max_frame);
            const auto copy = [codec] { return std::make_unique<length_prefix_codec>(codec); };
            return {copy, copy};
        }
    };

    explicit with_a_wire(const options&) {}

    task<> handle() override { co_return; }
};

TEST(registry_test, lets_a_service_fix_its_framing_and_preset_its_limits) {
    registry r;
    r.add<with_a_wire>("fixed");
    option_reader reader("subject", {});
    const prepared_service prepared = r.find("fixed")(reader);
    EXPECT_EQ(prepared.limits.write_timeout, std::chrono::seconds(99));
    stream_limits limits;
    limits.max_frame = 3;
    EXPECT_EQ(prepared.codecs(limits).read()->max_frame(), 3U);
    for (const option_description& d : r.keys("fixed")) {
        EXPECT_NE(d.key, "framing");
        if (d.key == "write-timeout") {
            EXPECT_EQ(d.fallback, "99s");
        }
    }
    r.add<silent>("free");
    EXPECT_FALSE(r.find("free")(reader).codecs);
}

TEST(registry_test, keeps_copies_of_arguments) {
    registry r;
    {
        std::string text = "as it was";
        r.add<configured>("configured", text);
        text = "changed";
    }
    const auto handler = factory(r, "configured")();
    EXPECT_EQ(dynamic_cast<const configured&>(*handler).text, "as it was");
}

/// What a listener has got of it outlives it.
TEST(registry_test, outlived_by_its_factories) {
    handler_factory make;
    {
        registry r;
        r.add<configured>("configured", std::string("kept"));
        make = factory(r, "configured", {{"most", "9"}});
    }
    const auto handler = make();
    EXPECT_EQ(dynamic_cast<const configured&>(*handler).text, "kept");
    EXPECT_EQ(dynamic_cast<const configured&>(*handler).most, 9U);
}

TEST(registry_test, takes_services_of_any_making) {
    registry r;
    int made = 0;
    r.add_service("any", [&](option_reader&) -> handler_factory {
        return [&] {
            ++made;
            return std::make_unique<silent>();
        };
    });
    const auto make = factory(r, "any");
    make();
    make();
    EXPECT_EQ(made, 2);
}

}  // namespace
}  // namespace coserve
