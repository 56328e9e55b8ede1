#include <coserve/option_reader.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace coserve {
namespace {

using namespace std::chrono_literals;

enum class mode { upper, verbatim };

constexpr const char* subject = "echo=tcp://127.0.0.1:7700";

/// What `use` throws for these options, without the subject, which must stand at its head.
std::string mistake(std::vector<option> given, const std::function<void(option_reader&)>& use) {
    option_reader reader(subject, std::move(given));
    try {
        use(reader);
        reader.finish();
    } catch (const configuration_error& e) {
        const std::string message = e.what();
        const std::string head = std::string(subject) + ": ";
        EXPECT_TRUE(message.starts_with(head)) << message;
        EXPECT_EQ(message.find('\n'), message.npos);
        return message.substr(std::min(head.size(), message.size()));
    }
    return "none";
}

template <class T, class F>
T value(const std::string& text, T initial, F read) {
    option_reader reader(subject, {{"key", text}});
    read(reader, initial);
    reader.finish();
    return initial;
}

void read_mode(option_reader& reader) {
    mode m = mode::upper;
    reader.choice(
        "mode", m, {{"upper", mode::upper}, {"verbatim", mode::verbatim}}, "what comes back"
    );
}

TEST(option_reader_test, keeps_defaults_where_nothing_is_written) {
    option_reader reader(subject, {});
    std::string text = "t";
    bool flag = true;
    std::uint16_t count = 7;
    int integer = -7;
    std::size_t size = 9;
    duration time = 3s;
    mode m = mode::verbatim;
    reader.text("text", text, "");
    reader.flag("flag", flag, "");
    reader.count("count", count, 10, 20, "");
    reader.integer("integer", integer, 10, 20, "");
    reader.size("size", size, 10, 20, "");
    reader.time("time", time, "");
    reader.choice("mode", m, {{"upper", mode::upper}, {"verbatim", mode::verbatim}}, "");
    reader.finish();
    EXPECT_EQ(text, "t");
    EXPECT_TRUE(flag);
    EXPECT_EQ(count, 7);
    EXPECT_EQ(integer, -7);
    EXPECT_EQ(size, 9u);
    EXPECT_EQ(time, 3s);
    EXPECT_EQ(m, mode::verbatim);
}

TEST(option_reader_test, reads_text) {
    const auto read = [](option_reader& r, std::string& v) { r.text("key", v, ""); };
    EXPECT_EQ(value<std::string>("a b", "default", read), "a b");
    EXPECT_EQ(value<std::string>("", "default", read), "");
}

TEST(option_reader_test, reads_flags) {
    const auto read = [](option_reader& r, bool& v) { r.flag("key", v, ""); };
    for (const auto* text : {"on", "true", "1", ""})
        EXPECT_TRUE(value(text, false, read)) << text;
    for (const auto* text : {"off", "false", "0"})
        EXPECT_FALSE(value(text, true, read)) << text;
    const auto use = [&](option_reader& r) {
        bool b = false;
        r.flag("key", b, "");
    };
    for (const std::string text : {"yes", "ON", "2", " on"})
        EXPECT_EQ(mistake({{"key", text}}, use), "key=" + text + ": must be on or off");
}

TEST(option_reader_test, reads_counts) {
    const auto read = [](option_reader& r, std::uint64_t& v) {
        r.count("key", v, 1, UINT64_MAX, "");
    };
    EXPECT_EQ(value<std::uint64_t>("1", 5, read), 1u);
    EXPECT_EQ(value<std::uint64_t>("18446744073709551615", 5, read), UINT64_MAX);
    const auto narrow = [](option_reader& r, std::uint8_t& v) { r.count("key", v, 0, 255, ""); };
    EXPECT_EQ(value<std::uint8_t>("255", 5, narrow), 255);
}

TEST(option_reader_test, checks_counts) {
    const auto use = [](option_reader& r) {
        unsigned v = 2;
        r.count("key", v, 1, 8, "");
    };
    EXPECT_EQ(mistake({{"key", "8"}}, use), "none");
    for (const std::string text :
         {"0", "9", "-1", "+1", "1.0", "1KiB", "x", " 1", "1 ", "0x1", "99999999999999999999"})
        EXPECT_EQ(
            mistake({{"key", text}}, use), "key=" + text + ": must be a whole number from 1 to 8"
        );
    EXPECT_EQ(mistake({{"key", ""}}, use), "key=: must be a whole number from 1 to 8");
}

TEST(option_reader_test, reads_and_checks_integers) {
    const auto read = [](option_reader& r, int& v) { r.integer("key", v, -4, 4, ""); };
    EXPECT_EQ(value("-4", 0, read), -4);
    EXPECT_EQ(value("4", 0, read), 4);
    const auto use = [&](option_reader& r) {
        int v = 0;
        read(r, v);
    };
    for (const std::string text : {"-5", "5", "--1", "+1", "-", "", "-9223372036854775809"})
        EXPECT_EQ(
            mistake({{"key", text}}, use), "key=" + text + ": must be a whole number from -4 to 4"
        );
}

TEST(option_reader_test, reads_and_checks_sizes) {
    const auto read = [](option_reader& r, std::size_t& v) { r.size("key", v, 512, 1 << 20, ""); };
    EXPECT_EQ(value<std::size_t>("512", 0, read), 512u);
    EXPECT_EQ(value<std::size_t>("64KiB", 0, read), 65536u);
    EXPECT_EQ(value<std::size_t>("1MiB", 0, read), 1u << 20);
    const auto use = [&](option_reader& r) {
        std::size_t v = 0;
        read(r, v);
    };
    for (const std::string text : {"511", "1048577", "2MiB", "-1", "1k", "99999999999GiB"})
        EXPECT_EQ(
            mistake({{"key", text}}, use),
            "key=" + text + ": must be a size from 512 to 1MiB, such as 512, 64KiB or 16MiB"
        );
}

TEST(option_reader_test, reads_and_checks_times) {
    const auto read = [](option_reader& r, duration& v) { r.time("key", v, ""); };
    EXPECT_EQ(value<duration>("500ms", 1s, read), 500ms);
    EXPECT_EQ(value<duration>("7", 1s, read), 7s);
    EXPECT_EQ(value<duration>("0", 1s, read), 0s);
    EXPECT_EQ(value<duration>("8760h", 1s, read), longest_time);
    const auto use = [&](option_reader& r) {
        duration v{};
        read(r, v);
    };
    for (const std::string text : {"8761h", "-1s", "soon", "10 s", "9223372036s"})
        EXPECT_EQ(
            mistake({{"key", text}}, use),
            "key=" + text + ": must be a time from 0s to 8760h, such as 500ms, 10s or 5m"
        );
}

TEST(option_reader_test, reads_and_checks_choices) {
    const auto read = [](option_reader& r, mode& v) {
        r.choice("key", v, {{"upper", mode::upper}, {"verbatim", mode::verbatim}}, "");
    };
    EXPECT_EQ(value("upper", mode::verbatim, read), mode::upper);
    EXPECT_EQ(value("verbatim", mode::upper, read), mode::verbatim);
    EXPECT_EQ(mistake({{"mode", "loud"}}, read_mode), "mode=loud: must be upper or verbatim");
    EXPECT_EQ(mistake({{"mode", ""}}, read_mode), "mode=: must be upper or verbatim");
    EXPECT_EQ(mistake({{"mode", "Upper"}}, read_mode), "mode=Upper: must be upper or verbatim");
}

TEST(option_reader_test, chooses_among_names_of_the_run_time) {
    const std::vector<std::string_view> names = {"one", "two", "three"};
    option_reader reader(subject, {{"a", "three"}});
    EXPECT_EQ(reader.choice("a", 1, names, ""), 2u);
    EXPECT_EQ(reader.choice("b", 1, names, ""), 1u);
    EXPECT_EQ(
        mistake({{"a", "four"}}, [&](option_reader& r) { r.choice("a", 0, names, ""); }),
        "a=four: must be one, two or three"
    );
    const std::vector<std::string_view> lone = {"only"};
    EXPECT_EQ(
        mistake({{"a", "four"}}, [&](option_reader& r) { r.choice("a", 0, lone, ""); }),
        "a=four: must be only"
    );
}

TEST(option_reader_test, refuses_unknown_keys_and_names_the_known) {
    const auto use = [](option_reader& r) {
        read_mode(r);
        std::string s;
        r.text("framing", s, "");
    };
    EXPECT_EQ(
        mistake({{"mode", "upper"}, {"foo", "1"}}, use),
        "unknown key \"foo\"; the known keys are mode, framing"
    );
    EXPECT_EQ(
        mistake({{"Mode", "upper"}}, use), "unknown key \"Mode\"; the known keys are mode, framing"
    );
    EXPECT_EQ(mistake({{"", ""}}, use), "unknown key \"\"; the known keys are mode, framing");
}

TEST(option_reader_test, says_so_where_no_key_is_known) {
    EXPECT_EQ(
        mistake({{"foo", ""}}, [](option_reader&) {}), "unknown key \"foo\"; no key is known here"
    );
}

TEST(option_reader_test, refuses_a_key_that_is_written_twice) {
    EXPECT_EQ(
        mistake({{"mode", "upper"}, {"mode", "verbatim"}}, read_mode),
        "mode=verbatim: the key is written twice"
    );
    EXPECT_EQ(
        mistake({{"mode", "upper"}, {"mode", "upper"}}, read_mode),
        "mode=upper: the key is written twice"
    );
}

TEST(option_reader_test, reads_a_key_as_often_as_it_is_written) {
    const auto read = [](std::vector<option> given) {
        option_reader reader(subject, std::move(given));
        std::vector<std::string> values{"default"};
        reader.texts("env", values, "for commands");
        EXPECT_TRUE(reader.described()[0].may_repeat);
        EXPECT_EQ(reader.described()[0].fallback, "default");
        reader.finish();
        return values;
    };
    EXPECT_EQ(read({}), std::vector<std::string>{"default"});
    EXPECT_EQ(
        read({{"env", "B=1"}, {"env", ""}, {"env", "A"}}),
        (std::vector<std::string>{"B=1", "", "A"})
    );
}

TEST(option_reader_test, shows_others_text_without_its_control_characters) {
    EXPECT_EQ(
        mistake({{"mode", "a\nb\x1b[m"}}, read_mode),
        "mode=a\\x0ab\\x1b[m: must be upper or verbatim"
    );
    EXPECT_EQ(
        mistake({{"mo\nde", "upper"}}, read_mode),
        "unknown key \"mo\\x0ade\"; the known keys are mode"
    );
}

TEST(option_reader_test, refuses_for_a_caller) {
    const auto use = [](option_reader& r) {
        std::string s;
        r.text("key", s, "");
        r.refuse("key", "is not to my taste");
    };
    EXPECT_EQ(mistake({{"key", "x"}}, use), "key=x: is not to my taste");
    EXPECT_EQ(mistake({}, use), "key: is not to my taste");
}

TEST(option_reader_test, describes_what_it_was_asked_for) {
    option_reader reader(subject, {{"count", "2"}, {"text", "other"}});
    std::string text = "t";
    bool flag = true;
    bool off = false;
    int count = 1;
    int integer = -7;
    std::size_t size = 65536;
    duration time = 90s;
    mode m = mode::verbatim;
    reader.text("text", text, "some text");
    reader.flag("flag", flag, "a flag");
    reader.flag("off", off, "a flag");
    reader.count("count", count, 1, 20, "a count");
    reader.integer("integer", integer, -10, 20, "an integer");
    reader.size("size", size, 512, 1 << 20, "a size");
    reader.time("time", time, "a time");
    reader.choice("mode", m, {{"upper", mode::upper}, {"verbatim", mode::verbatim}}, "a mode");
    reader.flag("off", off, "asked for again");

    std::vector<std::string> lines;
    for (const auto& d : reader.described())
        lines.push_back(d.key + " | " + d.values + " | " + d.fallback + " | " + d.help);
    EXPECT_THAT(
        lines,
        testing::ElementsAre(
            "text | text | t | some text",
            "flag | on or off | on | a flag",
            "off | on or off | off | a flag",
            "count | 1 to 20 | 1 | a count",
            "integer | -10 to 20 | -7 | an integer",
            "size | 512 to 1MiB | 64KiB | a size",
            "time | 0s to 8760h | 90s | a time",
            "mode | upper or verbatim | verbatim | a mode"
        )
    );
}

}  // namespace
}  // namespace coserve
