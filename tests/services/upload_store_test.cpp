#include "src/upload_store.hpp"

#include "protocol/sha256.hpp"
#include "protocol/upload_error.hpp"
#include "src/incoming_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coserve {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

namespace fs = std::filesystem;

class upload_store_test : public testing::Test {
protected:
    upload_store_test() {
        std::string pattern = (fs::temp_directory_path() / "coserve-store-XXXXXX").string();
        if (!::mkdtemp(pattern.data()))
            throw std::runtime_error("no temporary directory");
        path_ = pattern;
        fs::create_directory(path_ / ".coserve-partial");
    }

    ~upload_store_test() override { fs::remove_all(path_); }

    std::shared_ptr<upload_store> open() const {
        return std::make_shared<upload_store>(open_upload_directory(path_.string()));
    }

    fs::path partial(std::string_view name) const { return path_ / ".coserve-partial" / name; }

    std::vector<std::string> partials() const {
        std::vector<std::string> names;
        for (const auto& e : fs::directory_iterator(partial("")))
            names.push_back(e.path().filename().string());
        return names;
    }

    /// As an interrupted upload leaves it, `age` seconds ago.
    void keep(std::string_view name, std::size_t size, std::time_t age = 0) const {
        std::ofstream(partial(name)) << std::string(size, 'k');
        const std::time_t then = std::time(nullptr) - age;
        const std::array<timespec, 2> times{timespec{then, 0}, timespec{then, 0}};
        ASSERT_EQ(::utimensat(AT_FDCWD, partial(name).c_str(), times.data(), 0), 0);
    }

    std::string content(const fs::path& path) const {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    static std::unique_ptr<partial_lock> lock(upload_store& store, const std::string& name) {
        return store.partials().locks().try_lock(name, "a", [] {});
    }

    fs::path path_;
    upload_rules rules_;
};

TEST_F(upload_store_test, begins_afresh_where_a_partial_file_was_published) {
    const auto store = open();
    keep("p", 5);
    fs::create_hard_link(partial("p"), path_ / "published");
    {
        incoming_file file(store, rules_, 10, lock(*store, "p"));
        sha256 hash;
        while (file.hash_kept(hash)) {
        }
        EXPECT_EQ(file.offset(), 0U);
        ASSERT_EQ(::write(file.fd(), "new", 3), 3);
    }
    EXPECT_EQ(content(path_ / "published"), "kkkkk");
    EXPECT_EQ(content(partial("p")), "new");
}

TEST_F(upload_store_test, removes_what_a_killed_server_left) {
    keep("tmp-1", 5);
    keep("published", 5);
    fs::create_hard_link(partial("published"), path_ / "published");
    keep("kept", 5);
    const auto store = open();
    EXPECT_THAT(partials(), ElementsAre("kept"));
    EXPECT_EQ(content(path_ / "published"), "kkkkk");
}

TEST_F(upload_store_test, leaves_another_servers_files_alone) {
    keep("tmp-1", 5);
    keep("p", 5, 1'000'000);
    std::vector<file_descriptor> theirs;
    for (const std::string_view name : {"tmp-1", "p"}) {
        theirs.emplace_back(::open(partial(name).c_str(), O_RDWR | O_CLOEXEC));
        ASSERT_EQ(::flock(theirs.back().get(), LOCK_EX | LOCK_NB), 0);
    }
    const auto store = open();
    store->partials().trim(rules_);
    EXPECT_THAT(partials(), UnorderedElementsAre("tmp-1", "p"));
    EXPECT_THROW(incoming_file(store, rules_, 10, lock(*store, "p")), upload_error);
    theirs.clear();
    store->partials().trim(rules_);
    EXPECT_THAT(partials(), ElementsAre("tmp-1"));
}

TEST_F(upload_store_test, a_name_in_passing_is_locked) {
    rules_.existing = existing_file::replace;
    const auto store = open();
    incoming_file file(store, rules_, 3);
    ASSERT_EQ(::write(file.fd(), "new", 3), 3);
    file.publish("a");
    const file_descriptor published(::open((path_ / "a").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_NE(::flock(published.get(), LOCK_EX | LOCK_NB), 0)
        << "as long as the server has it open, nobody takes it for abandoned";
}

TEST_F(upload_store_test, keeps_partial_files_within_their_bounds) {
    rules_.max_partials = 4;
    rules_.partial_size = 100;
    const auto store = open();
    keep("old", 1, 1'000'000);
    keep("a", 40, 40);
    keep("b", 40, 30);
    keep("c", 40, 20);
    keep("written", 1000, 50);
    const auto writer = lock(*store, "written");
    store->partials().trim(rules_);
    EXPECT_THAT(partials(), UnorderedElementsAre("b", "c", "written"));
    keep("d", 1, 2);
    keep("e", 1, 1);
    store->partials().trim(rules_);
    EXPECT_THAT(partials(), UnorderedElementsAre("c", "d", "e", "written"));
    store->partials().make_room(rules_);
    EXPECT_THAT(partials(), UnorderedElementsAre("d", "e", "written"));
}

TEST_F(upload_store_test, keeps_none_that_is_too_large_by_itself) {
    rules_.partial_size = 10;
    const auto store = open();
    for (const std::size_t size : {10U, 11U}) {
        {
            incoming_file file(store, rules_, 100, lock(*store, "p"));
            const std::string some(size, 's');
            ASSERT_EQ(::write(file.fd(), some.data(), size), static_cast<ssize_t>(size));
        }
        EXPECT_EQ(partials().size(), size == 10 ? 1U : 0U);
        fs::remove(partial("p"));
    }
}

TEST_F(upload_store_test, counts_partial_files_for_the_quota) {
    rules_.quota = 1000;
    keep("p", 400);
    const auto store = open();
    EXPECT_THROW(incoming_file(store, rules_, 601), upload_error);
    {
        const incoming_file other(store, rules_, 600);
        EXPECT_THROW(incoming_file(store, rules_, 401, lock(*store, "p")), upload_error);
        EXPECT_EQ(partials().size(), 1U) << "it is kept where it cannot go on";
        const incoming_file rest(store, rules_, 400, lock(*store, "p"));
        EXPECT_THROW(incoming_file(store, rules_, 1), upload_error);
    }
    EXPECT_THROW(incoming_file(store, rules_, 601), upload_error);
    const incoming_file other(store, rules_, 600);
}

TEST_F(upload_store_test, hashes_what_is_kept_in_turns) {
    constexpr std::size_t size = (std::size_t{9} << 20) + 7;
    keep("p", size);
    const auto store = open();
    incoming_file file(store, rules_, size + 1, lock(*store, "p"));
    const auto writer = store->partials().locks().writer_of("p");
    sha256 hash, whole;
    EXPECT_TRUE(file.hash_kept(hash));
    EXPECT_EQ(file.offset(), std::uint64_t{4} << 20);
    EXPECT_EQ(writer->progress, std::uint64_t{4} << 20) << "it gets on";
    while (file.hash_kept(hash)) {
    }
    EXPECT_EQ(file.offset(), size);
    const std::string all(size, 'k');
    whole.feed(std::as_bytes(std::span(all)));
    EXPECT_EQ(hash.digest(), whole.digest());
}

TEST_F(upload_store_test, others_see_that_a_file_is_being_finished) {
    const auto store = open();
    for (const bool whole : {false, true}) {
        auto file = std::make_unique<incoming_file>(store, rules_, 3, lock(*store, "p"));
        const auto writer = store->partials().locks().writer_of("p");
        ASSERT_EQ(::write(file->fd(), "new", 3), 3);
        EXPECT_FALSE(writer->finishing);
        if (whole)
            file->publish("a");
        file.reset();
        EXPECT_TRUE(writer->finishing);
        EXPECT_EQ(writer->published, whole ? "a" : "");
        EXPECT_EQ(store->partials().locks().writer_of("p"), nullptr);
    }
}

TEST_F(upload_store_test, two_paths_of_one_directory_are_one) {
    const fs::path link = path_.string() + "-link";
    fs::create_directory_symlink(path_, link);
    const upload_directories directories;
    EXPECT_EQ(directories.find(path_.string()), nullptr);
    const auto store = directories.open(path_.string());
    EXPECT_EQ(directories.open(path_.string() + "/."), store);
    EXPECT_EQ(directories.open(link.string()), store);
    EXPECT_EQ(directories.find(link.string()), store);
    fs::remove(link);
}

}  // namespace
}  // namespace coserve
