#include "settings.hpp"

namespace coserved {

void settings::read(coserve::option_reader& reader) {
    using coserve::log_level;
    reader.count("cores", cores, 1, 1024, "threads that serve");
    reader.text("ports-file", ports_file, "file that gets the listeners' real URLs, as JSON");
    reader.texts("exec-allow", exec_allow, "a program that exec may run");
    reader.flag("exec-shell", exec_shell, "exec may run any command, by the shell");
    reader.text("upload-dir", upload_dir, "where uploads go whose listener names no dir");
    reader.count(
        "max-connections", max_connections, 0, 1'000'000, "of all listeners together; 0: no limit"
    );
    reader.choice(
        "log-level",
        this->log_level,
        {{"debug", log_level::debug},
         {"info", log_level::info},
         {"warning", log_level::warning},
         {"error", log_level::error}},
        "the least that is logged"
    );
    reader.choice(
        "log-format",
        format,
        {{"text", log_format::text}, {"json", log_format::json}},
        "how a line of the log looks"
    );
    reader.time(
        "drain-timeout", drain_timeout, "from the first signal until what still runs is cancelled"
    );
}

std::vector<listen_request> default_listeners() {
    return {
        {"echo=tcp://127.0.0.1:7700", {}},
        {"echo=udp://127.0.0.1:7700", {}},
        {"exec=tcp://127.0.0.1:7701", {}},
        {"upload=tcp://127.0.0.1:7702", {}},
        {"chat=udp://127.0.0.1:7703", {}}
    };
}

}  // namespace coserved
