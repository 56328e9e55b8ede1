#include <coserve/services/bundled.hpp>

#include <coserve/services/chat.hpp>
#include <coserve/services/echo.hpp>
#include <coserve/services/exec.hpp>
#include <coserve/services/line_output.hpp>
#include <coserve/services/sink.hpp>
#include <coserve/services/upload.hpp>

#include <unistd.h>

namespace coserve {

void add_bundled_services(
    registry& services, const exec_policy& policy, const std::string& upload_directory
) {
    services.add<chat>("chat");
    services.add<echo>("echo");
    services.add<datagram_echo>("echo");
    services.add<exec>("exec", policy, exec_shared());
    services.add<sink>("sink", line_output(STDOUT_FILENO));
    services.add<upload>("upload", upload_directories(upload_directory));
}

}  // namespace coserve
