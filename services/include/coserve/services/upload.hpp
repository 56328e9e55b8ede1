/// \file
/// The service `upload`: files arrive whole, or not at all.
#pragma once

#include <coserve/framing.hpp>
#include <coserve/limits.hpp>
#include <coserve/stream_handler.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace coserve {

class upload_store;
class incoming_file;
class marker_end;
class partial_lock;
struct partial_writer;
struct upload_header;
struct upload_reply;
struct upload_rules;
class sha256;

/// What happens to an upload whose name is taken.
enum class existing_file : unsigned char {
    refuse,   ///< an error
    rename,   ///< it becomes "name (1).ext"
    replace,  ///< it takes the place of the file that is there
};

/// The directories of all listeners of a server. Copies share them.
/// Thread: locks for itself.
class upload_directories {
public:
    static constexpr const char* usual = "./uploads";

    /// `fallback`: where a listener names no `dir`.
    explicit upload_directories(std::string fallback = usual);

    /// Whether somebody said which one it is to be.
    bool was_chosen() const noexcept;

    /// Opens it where it is not open yet; two paths of one directory are one. Blocks on the disk.
    /// Errors: `configuration_error`.
    std::shared_ptr<upload_store> open(const std::string& directory) const;
    /// What `open()` gave for this path; null: nobody has asked for it.
    std::shared_ptr<upload_store> find(const std::string& directory) const;

private:
    struct state;
    const std::string& path_of(const std::string& directory) const noexcept;
    std::shared_ptr<state> state_;
};

/// Files into a directory, many on a connection, in the formats of docs/wire.md. A file appears
/// under its name when it is complete, correct and on the disk, and a client that asked for a reply
/// gets it then. A header or a name that is refused is logged, and ends its connection.
class upload final : public stream_handler {
public:
    enum class wire : unsigned char {
        json_header,  ///< a JSON header before each file
        marker,       ///< one file a connection, without a name, whose end is marked
    };

    /// The keys of a listener. Limits of 0 are none.
    struct options {
        upload::wire format = wire::json_header;  ///< `wire`
        std::string directory;          ///< `dir`; empty: what `upload_directories` was told
        existing_file existing{};       ///< what happens to a name that is taken
        std::size_t max_file = 0;       ///< bytes of one file
        std::size_t quota = 0;          ///< bytes of all files of the directory together
        std::size_t min_rate = 0;       ///< bytes a second, over ten seconds
        std::size_t max_partials = 16;  ///< interrupted uploads that are kept, at least 1
        std::size_t partial_size = std::size_t{64} << 30;  ///< bytes of all of them together
        duration partial_age = std::chrono::hours(24);     ///< for how long they are kept
        std::size_t max_header = std::size_t{64} << 10;

        /// Errors: `configuration_error`.
        void read(option_reader&);
        framing codecs(const stream_limits&) const;
        void start(const upload_directories&) const;
    };

    upload(const options&, const upload_directories&);
    ~upload() override;

    task<> handle() override;
    task<> finish() override;

private:
    upload_rules rules() const noexcept;
    task<> open_store();
    task<> take_files();
    task<bool> take_announced(std::string header);
    task<> take(const upload_header&);
    task<> say(const upload_reply&);
    task<> begin(const upload_header&);
    task<std::string> begin_resuming(const upload_header&);
    task<std::unique_ptr<partial_lock>>
    lock_partial(std::string file_name, const upload_header&, std::shared_ptr<partial_writer>);
    task<> hash_kept();
    task<> receive(std::uint64_t size);
    task<std::string> publish(const upload_header&, std::string digest);
    task<> take_marked();
    task<> take_until_end();
    task<> begin_marked(bytes begin);
    task<> receive_marked(marker_end&);
    task<> watch_rate();
    void refuse(std::string_view word, std::string_view why, bool reply);
    void log_stored(std::string_view name, std::uint64_t size, std::string_view message);

    const options& options_;  // the listener's
    const upload_directories directories_;
    std::shared_ptr<upload_store> store_;
    std::unique_ptr<incoming_file> file_;
    std::unique_ptr<sha256> hash_;
    std::shared_ptr<upload*> self_;  // gone with this: what others call to stop it
    bool reply_ = false;             // of the file under way
    bool receiving_ = false;
    unsigned files_ = 0;
};

}  // namespace coserve
