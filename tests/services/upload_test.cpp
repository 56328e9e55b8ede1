#include <coserve/services/upload.hpp>

#include "src/partial_locks.hpp"
#include "src/upload_store.hpp"

#include <coserve/testing/handler_session.hpp>
#include <coserve/testing/run_coroutine.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace {

using namespace std::chrono_literals;
using coserve::frame_stream;
using coserve::task;
using coserve::upload;
using coserve::upload_directories;
using coserve::testing::handler_session;
using coserve::testing::session;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

namespace fs = std::filesystem;

/// Over memory, on a manual clock.
class upload_test : public testing::Test {
protected:
    upload_test() {
        std::string pattern = (fs::temp_directory_path() / "coserve-upload-XXXXXX").string();
        if (!::mkdtemp(pattern.data()))
            throw std::runtime_error("no temporary directory");
        directory_ = pattern;
    }

    ~upload_test() override { fs::remove_all(directory_); }

    std::set<std::string> files() const {
        std::set<std::string> names;
        for (const auto& e : fs::directory_iterator(directory_))
            if (e.is_regular_file())
                names.insert(e.path().filename().string());
        return names;
    }

    std::string content(const std::string& name) const {
        std::ifstream in(directory_ / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    upload_directories directories() const { return upload_directories(directory_.string()); }

    /// Waits for what the pool of threads does, however long that takes.
    template <class Condition>
    static void until(handler_session& s, Condition condition) {
        coserve::testing::run_until(s.context(), condition);
    }

    fs::path directory_;
};

task<> send(frame_stream& client, std::string header, std::string body) {
    co_await client.write_frame(header);
    co_await client.write(body);
    co_await client.flush();
}

task<std::string> next(frame_stream& client) {
    const auto reply = co_await client.read_frame();
    co_return reply ? std::string(reply->text()) : "the end";
}

TEST_F(upload_test, stores_what_comes) {
    session<upload> s("", {}, directories());
    s.run(send(s.client(), R"({"file_name": "a", "file_size": 5})", "hello"));
    s.run(send(s.client(), R"({"file_name": "b", "file_size": 0, "msg": "m"})", ""));
    s.client().close();
    s.run_to_end();
    EXPECT_THAT(files(), ElementsAre("a", "b"));
    EXPECT_EQ(content("a"), "hello");
    EXPECT_THAT(s.log(), Contains(HasSubstr("b, 0 bytes; msg: m")));
}

TEST_F(upload_test, replies_where_it_is_asked) {
    session<upload> s("", {}, directories());
    s.run(send(s.client(), R"({"file_name": "a", "file_size": 5, "reply": true})", "hello"));
    EXPECT_EQ(s.run(next(s.client())), R"({"status": "ready", "offset": 0})");
    EXPECT_THAT(
        s.run(next(s.client())),
        HasSubstr("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    );
    EXPECT_EQ(content("a"), "hello");
    s.run(send(s.client(), R"({"file_name": "a", "file_size": 5, "reply": true})", "hello"));
    EXPECT_THAT(s.run(next(s.client())), HasSubstr(R"("error": "exists")"));
    EXPECT_EQ(s.run(next(s.client())), "the end");
    s.client().close();
    s.run_to_end();
}

TEST_F(upload_test, leaves_nothing_of_an_upload_that_ends_before) {
    session<upload> s("", {}, directories());
    s.run(send(s.client(), R"({"file_name": "a", "file_size": 6})", "hello"));
    s.client().close();
    EXPECT_THROW(s.run_to_end(), coserve::system_error);
    EXPECT_TRUE(fs::is_empty(directory_));
    EXPECT_THAT(s.log(), Contains(HasSubstr("5 of 6 bytes")));
}

TEST_F(upload_test, waits_30_seconds_for_each_byte) {
    session<upload> s("", {}, directories());
    s.run(send(s.client(), R"({"file_name": "a", "file_size": 6, "reply": true})", "hello"));
    EXPECT_EQ(s.run(next(s.client())), R"({"status": "ready", "offset": 0})");
    until(s, [&] {
        s.advance(31s);
        return s.ended();
    });
    EXPECT_THROW(s.run_to_end(), coserve::system_error);
    EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(upload_test, ends_what_is_slower_than_its_rate) {
    session<upload> s("min-rate=100", {}, directories());
    s.run(send(s.client(), R"({"file_name": "a", "file_size": 60000, "reply": true})", "hello"));
    EXPECT_EQ(s.run(next(s.client())), R"({"status": "ready", "offset": 0})");
    std::optional<std::string> said;
    const auto ask = [](frame_stream& client, std::optional<std::string>* into) -> task<> {
        *into = co_await next(client);
    };
    coserve::task_group asking(s.context().get_executor());
    asking.spawn(ask, std::ref(s.client()), &said);
    for (int i = 0; i < 5 && !said; ++i) {  // five bytes a second, where a hundred are due
        s.run(send(s.client(), "", std::string(25, 'x')));
        s.settle();
        s.advance(5s);
    }
    until(s, [&] { return said.has_value(); });
    EXPECT_THAT(*said, HasSubstr(R"("error": "too-slow")"));
    s.client().close();
    EXPECT_THAT([&] { s.run_to_end(); }, ThrowsMessage<std::runtime_error>(HasSubstr("min-rate")));
    EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(upload_test, ends_a_marked_file_that_is_slower_than_its_rate) {
    session<upload> s("wire=marker&min-rate=100", {}, directories());
    const auto send_raw = [](frame_stream& client, std::string raw) -> task<> {
        co_await client.write(raw);
        co_await client.flush();
    };
    // Five bytes a second, where a hundred are due; the disk's part takes real time.
    const auto limit = std::chrono::steady_clock::now() + 20s;
    while (!s.ended() && std::chrono::steady_clock::now() < limit) {
        if (s.log().empty())
            s.run(send_raw(s.client(), std::string(25, 'x')));
        s.settle();
        s.advance(5s);
    }
    ASSERT_TRUE(s.ended());
    EXPECT_THAT([&] { s.run_to_end(); }, ThrowsMessage<std::runtime_error>(HasSubstr("min-rate")));
    EXPECT_TRUE(fs::is_empty(directory_));
}

TEST_F(upload_test, lets_others_be_as_slow_as_they_like_between_files) {
    session<upload> s("min-rate=100", {}, directories());
    s.advance(60s);
    EXPECT_FALSE(s.ended());
    s.run(send(s.client(), R"({"file_name": "a", "file_size": 5, "reply": true})", "hello"));
    s.run(next(s.client()));
    EXPECT_THAT(s.run(next(s.client())), HasSubstr("stored"));
    s.advance(60s);
    EXPECT_FALSE(s.ended());
    s.client().close();
    s.run_to_end();
}

/// "hello", which another connection has sent whole and which the disk has not got yet.
class upload_resume_test : public upload_test {
protected:
    static constexpr const char* kept =
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824-5";

    void SetUp() override {
        other_ = locks_.try_lock(kept, "a", [this] { stopped_ = true; });
        other_->finish();
    }

    /// Until it waits for the other.
    void resume(const std::string& name) {
        const auto other = locks_.writer_of(kept);
        const long known = other.use_count();
        const std::string hash(kept, 64);
        s_.run(send(
            s_.client(),
            R"({"file_name": ")" + name + R"(", "file_size": 5, "reply": true, "resume": true, )" +
                R"("sha256": ")" + hash + R"("})",
            ""
        ));
        until(s_, [&] { return other.use_count() > known; });
    }

    std::string reply() {
        std::optional<std::string> said;
        const auto ask = [](frame_stream& client, std::optional<std::string>* into) -> task<> {
            *into = co_await next(client);
        };
        coserve::task_group asking(s_.context().get_executor());
        asking.spawn(ask, std::ref(s_.client()), &said);
        until(s_, [&] {
            s_.advance(50ms);
            return said.has_value();
        });
        return *said;
    }

    const upload_directories directories_ = directories();
    const std::shared_ptr<coserve::upload_store> store_ = directories_.open(directory_.string());
    coserve::partial_locks& locks_ = store_->partials().locks();
    std::unique_ptr<coserve::partial_lock> other_;
    bool stopped_ = false;
    session<upload> s_{"", {}, directories_};
};

TEST_F(upload_resume_test, waits_for_the_disk_and_gets_the_same_answer) {
    resume("a");
    for (int i = 0; i < 200; ++i) {
        s_.advance(50ms);
        s_.settle();
    }
    EXPECT_FALSE(stopped_) << "it is not dead";
    other_->publish("a (1)");
    other_.reset();
    EXPECT_EQ(reply(), R"({"status": "ready", "offset": 5})");
    const std::string stored = reply();
    EXPECT_THAT(stored, HasSubstr(R"-("stored", "file_name": "a (1)", "size": 5)-"));
    EXPECT_THAT(stored, HasSubstr(std::string(kept, 64)));
    EXPECT_THAT(files(), testing::IsEmpty()) << "nothing is sent, and nothing stored, again";
}

TEST_F(upload_resume_test, another_name_is_another_file) {
    resume("b");
    other_->publish("a");
    other_.reset();
    EXPECT_EQ(reply(), R"({"status": "ready", "offset": 0})");
}

TEST_F(upload_resume_test, goes_on_where_the_other_failed) {
    resume("a");
    other_.reset();
    EXPECT_EQ(reply(), R"({"status": "ready", "offset": 0})");
}

TEST_F(upload_resume_test, a_name_may_be_taken_meanwhile) {
    resume("b");
    std::ofstream(directory_ / "b") << "else";
    other_.reset();
    EXPECT_THAT(reply(), HasSubstr(R"("error": "exists")"));
}

TEST_F(upload_resume_test, nobody_waits_where_the_client_has_gone) {
    resume("a");
    s_.client().close();
    until(s_, [&] {
        s_.advance(50ms);
        return s_.ended();
    });
    EXPECT_FALSE(stopped_);
}

TEST_F(upload_test, takes_one_file_up_to_its_marker) {
    session<upload> s("wire=marker", {}, directories());
    const auto send_raw = [](frame_stream& client, std::string raw) -> task<> {
        co_await client.write(raw);
        co_await client.flush();
    };
    s.run(send_raw(s.client(), "##content##发送完毕##发送完毕"));
    s.client().close();
    s.run_to_end();
    ASSERT_EQ(files().size(), 1U);
    EXPECT_EQ(content(*files().begin()), "##content##发送完毕");
}

}  // namespace
